// Runs before the first paint, so that neither the theme nor the wall screen flashes up late.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("theme");
    } catch {
      // a browser that keeps nothing follows the system
    }
    root.dataset.theme = chosen === "light" || chosen === "dark" ? chosen : dark.matches ? "dark" : "light";
  };
  follow();
  dark.addEventListener("change", follow);
  if (new URLSearchParams(location.search).has("screen")) root.dataset.screen = "";
})();

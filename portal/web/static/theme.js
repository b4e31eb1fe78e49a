// Runs before the first paint, so that neither a chosen theme nor the wall screen flashes up late.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // a browser that keeps nothing follows the system
  }
  if (new URLSearchParams(location.search).has("screen")) root.dataset.screen = "";
})();

// What a page does beyond links and forms. Elements say by data attributes what they want; nothing here knows a page.
(() => {
  "use strict";
  const root = document.documentElement;
  const token = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const toast = document.querySelector(".toast");
  let hiding;
  const say = (text) => {
    toast.textContent = text;
    clearTimeout(hiding);
    hiding = setTimeout(() => { toast.textContent = ""; }, 6000);
  };

  // ── theme, which theme.js has set: the choice is forgotten once it is what the system wants anyway ──
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const switchTheme = () => {
    const wanted = root.dataset.theme === "dark" ? "light" : "dark";
    const asSystem = (wanted === "dark") === dark.matches;
    root.dataset.theme = wanted;
    try {
      if (asSystem) localStorage.removeItem("theme"); else localStorage.setItem("theme", wanted);
    } catch { /* lasts for this page only */ }
    drawAll();
  };
  dark.addEventListener("change", () => drawAll());

  // ── copying; plain http has no clipboard, so the old way remains ──
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      say(toast.dataset.copied);
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      field.className = "visually-hidden";
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      say(done ? toast.dataset.copied : toast.dataset.notCopied);
    }
  };

  // ── charts ──
  const charts = new Map(); // element → chart
  let library;
  const loaded = () => (library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.body.dataset.charts;
    script.onload = () => resolve(window.echarts);
    script.onerror = reject;
    document.head.append(script);
  }));
  const coloured = (value) => {
    if (typeof value === "string") {
      const found = /^var\((--[\w-]+)\)$/.exec(value);
      return found ? token(found[1]) : value;
    }
    if (Array.isArray(value)) return value.map(coloured);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v)]));
    return value;
  };
  const theme = () => {
    const size = 0.8125 * parseFloat(getComputedStyle(root).fontSize);
    const [ink, dim, line, ground, accent] = ["--ink", "--dim", "--line", "--ground", "--accent"].map(token);
    const text = { color: dim, fontSize: size };
    const axis = {
      axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, axisLabel: text, nameTextStyle: text,
      splitLine: { lineStyle: { color: line } }, splitArea: { show: false },
    };
    const label = { color: ink, fontSize: size, textBorderWidth: 0 };
    return {
      color: [1, 2, 3, 4, 5, 6].map((n) => token(`--series-${n}`)),
      backgroundColor: ground,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: size, color: ink },
      categoryAxis: { ...axis, splitLine: { show: false } }, valueAxis: { ...axis, axisLine: { show: false } },
      timeAxis: axis, logAxis: axis,
      legend: { top: 0, left: 0, bottom: "auto", textStyle: text, itemWidth: 12, itemHeight: 8, icon: "rect" },
      tooltip: { backgroundColor: ground, borderColor: token("--edge"), borderWidth: 1, borderRadius: 2, shadowBlur: 0, shadowColor: "transparent", textStyle: { color: ink, fontSize: size } },
      grid: { left: 8, right: 16, top: 32, bottom: 8, outerBoundsMode: "same" },
      visualMap: { textStyle: text, inRange: { color: [0, 1, 2, 3, 4, 5, 6].map((n) => token(`--step-${n}`)) } },
      line: { symbol: "circle", symbolSize: 6, lineStyle: { width: 2 }, label }, bar: { label }, scatter: { label, symbolSize: 6 },
      radar: { axisName: text, axisLine: { lineStyle: { color: line } }, splitLine: { lineStyle: { color: line } }, splitArea: { show: false } },
      sankey: { left: 8, right: 72, top: 8, bottom: 8, label, lineStyle: { color: "source", opacity: 0.35 }, itemStyle: { borderWidth: 0 } },
      graph: { label, lineStyle: { color: dim } }, treemap: { left: 0, right: 0, top: 0, bottom: 0, label: { color: ground, fontSize: size, textBorderWidth: 0 }, itemStyle: { borderColor: ground, gapWidth: 2 }, breadcrumb: { show: false } },
      map: { label, itemStyle: { areaColor: token("--step-0"), borderColor: ground } },
      markLine: { label: text, lineStyle: { color: accent } },
    };
  };
  const figure = new Intl.NumberFormat(root.lang, { maximumFractionDigits: 2 });
  const draw = (element, library) => {
    charts.get(element)?.dispose();
    const option = coloured(JSON.parse(document.getElementById(element.dataset.chart).textContent));
    const chart = library.init(element, theme(), { devicePixelRatio: Math.max(2, window.devicePixelRatio) });
    // a tooltip as HTML would need style attributes, which the page's policy forbids
    const tooltip = { renderMode: "richText", confine: true, valueFormatter: (v) => (typeof v === "number" ? figure.format(v) : v ?? "—"), ...option.tooltip };
    chart.setOption({ animation: false, ...option, tooltip });
    chart.on("click", (event) => {
      const href = event.data?.href;
      if (!href || new URL(href, location.href).origin !== location.origin) return;
      const panel = element.dataset.panel;
      if (panel) open(href, panel, element.dataset.chart);
      else location.assign(href);
    });
    charts.set(element, chart);
  };
  // the answer also has the chart as it is with its chosen item
  const open = async (href, panel, option) => {
    await htmx.ajax("GET", href, { target: `#${panel}`, select: `#${panel}`, selectOOB: `#${option}`, swap: "outerHTML" });
    history.replaceState({ htmx: true }, ""); // so that htmx fetches this page again when one goes back
    history.pushState({ htmx: true }, "", href);
    const opened = document.getElementById(panel);
    if (opened.getBoundingClientRect().top > 0.75 * innerHeight) opened.scrollIntoView();
    opened.focus({ preventScroll: true });
  };
  const drawAll = async () => {
    const elements = [...document.querySelectorAll("[data-chart]")];
    for (const [element, chart] of charts) {
      if (!element.isConnected) { chart.dispose(); charts.delete(element); }
    }
    if (!elements.length) return;
    const library = await loaded();
    const sources = new Map(elements.filter((e) => e.dataset.map).map((e) => [e.dataset.map, e.dataset.mapSource]));
    for (const [name, source] of sources) library.registerMap(name, await (await fetch(source)).json());
    for (const element of elements) if (element.clientWidth) draw(element, library);
    root.dataset.drawn = "";
  };
  let resizing;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => charts.forEach((chart) => chart.resize()), 100);
  });
  const print = matchMedia("print");
  print.addEventListener("change", () => { if (window.echarts) charts.forEach((_, element) => draw(element, window.echarts)); });
  const save = (id) => {
    const chart = charts.get(document.getElementById(id));
    if (!chart) return;
    const link = document.createElement("a");
    link.href = chart.getDataURL({ pixelRatio: 2, backgroundColor: token("--ground") });
    link.download = `${document.title.split(" · ")[0]} ${id}.png`;
    link.click();
  };

  // ── one listener for all buttons, also of parts that come later ──
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const wants = button.dataset;
    if ("themeSwitch" in wants) switchTheme();
    else if ("say" in wants) say(wants.say);
    else if ("copy" in wants) copy(document.getElementById(wants.copy).textContent);
    else if ("copyAddress" in wants) copy(location.href);
    else if ("print" in wants) window.print();
    else if ("save" in wants) save(wants.save);
  });
  document.addEventListener("click", (event) => { // an open menu closes by a click elsewhere
    for (const menu of document.querySelectorAll(".tools details[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of document.querySelectorAll(".tools details[open]")) menu.open = false;
    if (event.key === "/" && !event.target.closest("input, select, textarea")) {
      event.preventDefault();
      document.querySelector(".find input")?.focus();
    }
  });

  // ── parts of a page that htmx fetches ──
  const evidence = document.getElementById("evidence");
  evidence.addEventListener("click", (event) => { if (event.target === evidence) evidence.close(); });
  document.body.addEventListener("htmx:configRequest", (event) => { // fields without a choice do not belong in the address
    for (const [name, value] of [...event.detail.formData.entries()]) if (value === "") event.detail.formData.delete(name);
  });
  document.addEventListener("formdata", (event) => { // the same without htmx
    if (event.target.method !== "get") return;
    for (const [name, value] of [...event.formData.entries()]) if (value === "") event.formData.delete(name);
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "evidence-content" && !evidence.open) evidence.showModal();
  });
  document.body.addEventListener("htmx:afterSettle", () => drawAll());
  document.body.addEventListener("htmx:responseError", (event) => { // the page that explains the refusal
    location.assign(event.detail.pathInfo.finalRequestPath);
  });
  document.body.addEventListener("htmx:sendError", () => say(toast.dataset.failed));

  // ── wall screen: its pages take turns; after the last, the newest figures are fetched ──
  const pages = [...document.querySelectorAll(".screen-page")];
  if ("screen" in root.dataset && pages.length) {
    document.getElementById("content").classList.add("has-pages");
    const seconds = Number(new URLSearchParams(location.search).get("screen")) || 20;
    let shown = 0;
    const turn = async () => {
      pages.forEach((page, n) => page.classList.toggle("shown", n === shown));
      drawAll();
      shown += 1;
      if (shown < pages.length) return void setTimeout(turn, 1000 * seconds);
      setTimeout(async () => {
        // a server that does not answer must not leave an error on the wall
        const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
        if (answer?.ok) location.reload();
        else { shown = 0; turn(); }
      }, 1000 * seconds);
    };
    turn();
  } else drawAll();
})();

"use strict";
(function () {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const narrow = window.matchMedia("(max-width: 760px)");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function themed() {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink").trim(), soft = style.getPropertyValue("--soft").trim();
    const line = style.getPropertyValue("--line").trim(), card = style.getPropertyValue("--card").trim();
    const axis = { gridcolor: line, linecolor: soft, zerolinecolor: line, tickcolor: soft };
    const flat = {
      "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "font.color": ink,
      "font.family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "font.size": narrow.matches ? 11 : 12,
      "hoverlabel.bgcolor": card, "hoverlabel.bordercolor": line, "hoverlabel.font.color": ink,
    };
    for (const name of ["xaxis", "yaxis"]) for (const key in axis) flat[name + "." + key] = axis[key];
    return flat;
  }

  function draw(element) {
    const text = JSON.stringify(charts[element.dataset.goal][element.dataset.chart]);
    const figure = JSON.parse(dark.matches ? text.replaceAll("#0072B2", "#4AA3DF") : text);
    element.dataset.drawn = "yes";
    Plotly.react(element, figure.data, figure.layout, { displayModeBar: false })
      .then(() => Plotly.relayout(element, themed()));
  }
  const sized = new ResizeObserver((entries) => {
    for (const { target } of entries) if (target.dataset.drawn) Plotly.Plots.resize(target);
  });

  const all = [...document.querySelectorAll(".chart")];
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { draw(entry.target); seen.unobserve(entry.target); }
  }, { rootMargin: "600px" });
  all.forEach((element) => { seen.observe(element); sized.observe(element); });

  const redress = () => all.filter((one) => one.dataset.drawn).forEach(draw);
  dark.addEventListener("change", redress);
  narrow.addEventListener("change", redress);
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
    all.forEach(draw);
  });
})();

"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const names = { auto: "Theme: auto", light: "Theme: light", dark: "Theme: dark" };
  const order = ["auto", "light", "dark"];
  let theme = "auto";
  try { theme = localStorage.getItem("arena-theme") || "auto"; } catch { /* no storage from disk */ }
  const show = () => {
    if (!names[theme]) theme = "auto";
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    button.textContent = names[theme];
  };
  button.addEventListener("click", () => {
    theme = order[(order.indexOf(theme) + 1) % order.length];
    try { localStorage.setItem("arena-theme", theme); } catch { /* lasts for this page only */ }
    show();
  });
  button.hidden = false;
  show();
})();

"use strict";
(() => {
  const shown = document.querySelector('meta[name="arena-version"]').content;
  const busy = () => document.hidden || document.getElementById("find")?.value;
  setInterval(async () => {
    try {
      const reply = await fetch("/version", { cache: "no-store" });
      if (reply.ok && await reply.text() !== shown && !busy()) location.reload();
    } catch { /* the server is gone: the page stays as it is */ }
  }, 2000);
})();

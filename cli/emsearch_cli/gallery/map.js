(() => {
  "use strict";
  const svg = document.querySelector("svg.shapes");
  const plot = svg.parentNode;
  const hover = plot.querySelector(".hover");
  const points = [...svg.querySelectorAll("a.p")];
  const entries = points.map((point) => document.getElementById(point.id.replace("p", "g")));
  const places = points.map((point) => {
    const circle = point.querySelector("circle");
    return [Number(circle.getAttribute("cx")), Number(circle.getAttribute("cy"))];
  });
  const reach = 26; // px from a point within which the pointer is at it
  let shown = -1;

  const scale = () => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;

  function show(k) {
    if (k === shown) return;
    if (shown >= 0) points[shown].classList.remove("at");
    shown = k;
    hover.hidden = k < 0;
    if (k < 0) return;
    points[k].classList.add("at");
    hover.replaceChildren(...entries[k].cloneNode(true).childNodes);
    const [x, y] = places[k].map((part) => part * scale());
    const left = x + 18 + hover.offsetWidth > plot.clientWidth ? x - 18 - hover.offsetWidth : x + 18;
    const room = plot.clientWidth - hover.offsetWidth;
    const beside = left >= 0;
    hover.style.left = `${Math.max(0, Math.min(room, left))}px`;
    hover.style.top = `${beside ? Math.max(0, y - hover.offsetHeight / 2) : y + 18}px`;
  }

  function nearest(event) {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / scale();
    const y = (event.clientY - box.top) / scale();
    let best = -1;
    let least = reach / scale();
    places.forEach(([px, py], k) => {
      const far = Math.hypot(px - x, py - y);
      if (far < least && !points[k].classList.contains("out")) [best, least] = [k, far];
    });
    return best;
  }

  svg.addEventListener("pointermove", (event) => show(nearest(event)));
  svg.addEventListener("pointerdown", (event) => show(nearest(event)));
  svg.addEventListener("pointerleave", () => show(-1));

  // One stop for the tab key; arrows go from point to point.
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const stop = (k) => points.forEach((point, other) => point.setAttribute("tabindex", other === k ? 0 : -1));
  stop(0);
  points.forEach((point, k) => {
    point.addEventListener("focus", () => { stop(k); show(k); });
    point.addEventListener("blur", () => show(-1));
    point.addEventListener("keydown", (event) => {
      const way = arrows[event.key];
      if (!way) return;
      event.preventDefault();
      let best = -1;
      let least = Infinity;
      places.forEach(([x, y], other) => {
        const [dx, dy] = [x - places[k][0], y - places[k][1]];
        const along = dx * way[0] + dy * way[1];
        const cost = along + 2 * Math.abs(dx * way[1] + dy * way[0]);
        if (other !== k && along > 0 && cost < least) [best, least] = [other, cost];
      });
      if (best >= 0) points[best].focus();
    });
  });

  const search = document.querySelector(".search");
  const find = search.querySelector("input");
  const words = entries.map((entry) => entry.textContent.replace("on the map", "").toLowerCase());
  search.hidden = false;
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    let count = 0;
    points.forEach((point, k) => {
      const hit = words[k].includes(wanted);
      count += hit;
      point.classList.toggle("hit", hit && wanted !== "");
      point.classList.toggle("out", !hit);
      entries[k].hidden = !hit;
    });
    search.querySelector("output").value = wanted === "" ? "" : `${count} group${count === 1 ? "" : "s"}`;
  });
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const first = points.find((point) => point.classList.contains("hit"));
    if (first) first.focus();
  });
})();

// Bead models in 3D, turned as the image shows them: x to the right, y up, z towards the eye.
"use strict";

const TURN_DEGREES = 10;
const ZOOM = 1.15;
const CLOSER = 1.6; // than 3Dmol stands by itself
const BEAD_RADIUS_ANGSTROM = 3.4;
const MOST_ACROSS = 150; // radii across the model, so that the beads of a capsid are more than dots
const NUCLEIC = "#e0a458";

// Along the chains from deep blue over green to pale yellow, so that subunits differ.
function colourOf(share) {
  const stops = [[58, 82, 139], [42, 120, 142], [34, 168, 132], [122, 209, 81], [222, 227, 120]];
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const mixed = stops[low].map((value, k) => Math.round(value + (place - low) * (stops[low + 1][k] - value)));
  return `rgb(${mixed.join(",")})`;
}

function start(element) {
  const box = element.closest(".viewer-box");
  const status = box.querySelector("[data-status]");
  const reset = box.querySelector("[data-reset]");
  let viewer = null;
  let home = null;

  async function show(url) {
    status.textContent = "Loading the model …";
    element.dataset.state = "loading";
    try {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      const text = await response.text();
      // black, since light of no opacity would still be added to what lies behind
      viewer ??= $3Dmol.createViewer(element, { orthographic: true, backgroundColor: "black", backgroundAlpha: 0, disableFog: false });
      viewer.removeAllModels();
      const model = viewer.addModel(text, "cif", { doAssembly: false, noComputeSecondaryStructure: true });
      const [least, most] = $3Dmol.getExtent(model.selectedAtoms({}));
      const radius = Math.max(BEAD_RADIUS_ANGSTROM, Math.max(...most.map((value, k) => value - least[k])) / MOST_ACROSS);
      const beads = model.selectedAtoms({ chain: "A" }).length;
      const colorfunc = (atom) => colourOf(atom.resi / Math.max(beads, 1));
      viewer.setStyle({ chain: "A" }, { sphere: { radius, colorfunc } });
      viewer.setStyle({ chain: "B" }, { sphere: { radius, color: NUCLEIC } });
      viewer.setView([0, 0, 0, 0, 0, 0, 0, 1]); // the view of the image, whatever was turned before
      viewer.zoomTo();
      viewer.zoom(CLOSER);
      viewer.render();
      home = viewer.getView();
      status.textContent = "One bead a residue. Drag to turn it.";
      reset.hidden = false;
      element.dataset.state = "shown";
    } catch (error) {
      status.textContent = `The 3D view is not possible here (${error.message}).`;
      element.dataset.state = "failed";
    }
  }

  function back() {
    if (home) { viewer.setView(home); viewer.render(); }
  }

  reset.addEventListener("click", back);
  const keys = {
    ArrowLeft: () => viewer.rotate(-TURN_DEGREES, "y"),
    ArrowRight: () => viewer.rotate(TURN_DEGREES, "y"),
    ArrowUp: () => viewer.rotate(-TURN_DEGREES, "x"),
    ArrowDown: () => viewer.rotate(TURN_DEGREES, "x"),
    "+": () => viewer.zoom(ZOOM),
    "=": () => viewer.zoom(ZOOM),
    "-": () => viewer.zoom(1 / ZOOM),
    Home: back,
  };
  element.addEventListener("keydown", (event) => {
    if (!viewer || event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
    viewer.render();
  });
  new ResizeObserver(() => { if (viewer && element.clientWidth && element.clientHeight) { viewer.resize(); viewer.render(); } }).observe(element);
  show(element.dataset.model);
  return show;
}

const shows = [...document.querySelectorAll(".viewer")].map(start);
if (shows.length) {
  // "3D model" of another hit is shown in the view that is there; without a script it is a download.
  for (const link of document.querySelectorAll("a[data-show]")) {
    link.removeAttribute("download");
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const element = document.querySelector(".viewer");
      shows[0](link.href);
      element.setAttribute("aria-label", element.getAttribute("aria-label").replace(/of [^:]*:/, `of ${link.dataset.show}:`));
      element.closest(".viewer-box").querySelector("[data-download]").href = link.href;
      element.scrollIntoView({ block: "center" });
      element.focus({ preventScroll: true });
    });
  }
}

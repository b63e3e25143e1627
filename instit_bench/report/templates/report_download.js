// A plot as a file: SVG with its colours in it, or PNG.

const PNG_SCALE = 3; // pixels per unit of the drawing
const KEPT = [
  ...["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "paint-order"],
  ...["font-family", "font-size", "font-weight", "text-anchor"],
];

for (const tools of document.querySelectorAll(".tools[data-download]")) {
  tools.hidden = false;
  for (const button of tools.querySelectorAll("button")) {
    button.addEventListener("click", () => download(tools.closest(".chart"), button.dataset.format));
  }
}

async function download(chart, format) {
  const drawing = standalone(chart.querySelector("svg"));
  const words = new XMLSerializer().serializeToString(drawing);
  const file =
    format === "svg" ? new Blob([words], { type: "image/svg+xml" }) : await pixels(drawing, words);
  const title = chart.querySelector("figcaption bdi").textContent;
  const name = title.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "").slice(0, 80);
  const link = element("a", { href: URL.createObjectURL(file), download: `${name || "plot"}.${format}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A copy that needs no style sheet, on the page's background. */
function standalone(svg) {
  const copy = svg.cloneNode(true);
  const shapes = [...svg.querySelectorAll("*")];
  for (const [index, shape] of [...copy.querySelectorAll("*")].entries()) {
    const style = getComputedStyle(shapes[index]);
    for (const name of KEPT) shape.setAttribute(name, style.getPropertyValue(name));
    shape.removeAttribute("class");
  }
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  for (const [name, value] of Object.entries({ width, height })) copy.setAttribute(name, value);
  copy.removeAttribute("style");
  const ground = document.createElementNS(copy.namespaceURI, "rect");
  const fill = getComputedStyle(document.body).backgroundColor;
  for (const [name, value] of Object.entries({ width, height, fill })) ground.setAttribute(name, value);
  copy.prepend(ground);
  return copy;
}

async function pixels(drawing, words) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(words)}`;
  await image.decode();
  const canvas = element("canvas", {
    width: Math.round(PNG_SCALE * drawing.getAttribute("width")),
    height: Math.round(PNG_SCALE * drawing.getAttribute("height")),
  });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

// Logged images: their bytes are in the page, and they are made elements, so that nothing is fetched.
function images() {
  const host = byId("images");
  if (!host) return;
  for (const group of page.images) {
    host.append(el("h3", {}, group.key), el("div", { class: "pictures" }, ...group.images.map((image) => {
      const told = [image.where, image.caption].filter(Boolean).join(": ");
      return el("figure", {},
        el("img", { src: image.src, alt: `${group.key}, ${told}`, loading: "lazy" }), el("figcaption", {}, told));
    })));
  }
}

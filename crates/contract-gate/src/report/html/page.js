// The page is whole without this: each cell says aloud what it is about, the arrow keys go through the
// matrix, Escape closes a case.
for (const link of document.querySelectorAll("#matrix td a")) {
  const cell = link.parentElement;
  const row = cell.parentElement.cells[0].textContent;
  const release = cell.closest("table").tHead.rows[0].cells[cell.cellIndex].textContent;
  const word = cell.className.replace("unjudged", "not judged");
  link.setAttribute("aria-label", `${row} on ${release}: ${word}`);
}
document.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const cell = document.activeElement?.closest("#matrix td");
  if (step && cell) {
    const rows = [...document.querySelectorAll("#matrix tr")].filter((row) => row.querySelector("td"));
    const row = rows[rows.indexOf(cell.parentElement) + step[0]];
    const next = row?.children[cell.cellIndex + step[1]]?.querySelector("a");
    if (next) { next.focus(); event.preventDefault(); }
  } else if (event.key === "Escape" && location.hash.startsWith("#case-")) {
    const back = document.querySelector(`#matrix a[href="${location.hash}"]`);
    location.hash = "#matrix";
    back?.focus();
  }
});

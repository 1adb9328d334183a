// The page is whole without this: the arrow keys go through the matrix, Escape closes a case.
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

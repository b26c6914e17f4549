// Takes a picture that is dropped, pasted or chosen from the disk: see pictures.py.
const PICTURES = ".png,.jpg,.jpeg,.webp,.gif,.bmp";

/** `take` gets the name and the bytes of a file, `refuse` a sentence that says why it is not used;
 * returns the control to choose a file by, and what ends it all. */
const takePictures = (root, maxBytes, take, refuse) => {
  const read = async file => {
    const name = file.name || "Pasted picture";
    if (file.size > maxBytes)
      refuse(`Not used: ${name} has more than ${maxBytes / 2 ** 20} MB; save it smaller.`);
    else try {
      take(name, await file.arrayBuffer());
    } catch { refuse(`Not used: ${name} cannot be read; choose it again.`); }
  };
  // On a page of its own, a picture may be dropped anywhere; a notebook has other places for files.
  const place = document.body.classList.contains("ex-page") ? document : root;
  const hasFiles = ({ dataTransfer }) => [...dataTransfer?.types ?? []].includes("Files");
  let inside = 0;  // elements that the file is over: each is entered before the last is left
  const over = step => {
    inside = step ? Math.max(0, inside + step) : 0;
    root.toggleAttribute("data-over", inside > 0);
  };
  const listeners = {
    dragenter: event => { if (hasFiles(event)) { event.preventDefault(); over(1); } },
    dragleave: event => { if (hasFiles(event)) over(-1); },
    dragover: event => {
      if (!hasFiles(event)) return;
      event.preventDefault(); event.dataTransfer.dropEffect = "copy";
    },
    drop: event => {
      if (!hasFiles(event)) return;
      event.preventDefault(); event.stopPropagation(); over(0);
      const [file] = event.dataTransfer.files;
      if (file) read(file); else refuse("Not used: no file was dropped.");
    },
    paste: event => {
      const item = [...event.clipboardData?.items ?? []].find(each => each.kind === "file");
      if (!item) return;
      event.preventDefault(); event.stopPropagation(); read(item.getAsFile());
    },
  };
  for (const [name, listen] of Object.entries(listeners)) place.addEventListener(name, listen);
  const label = document.createElement("label"), input = document.createElement("input");
  label.className = "ex-file"; label.textContent = byHand("Choose a file …", "Choose or photograph …"); label.append(input);
  Object.assign(input, { type: "file", accept: PICTURES });
  input.addEventListener("change", async () => {
    if (input.files.length) await read(input.files[0]);
    input.value = "";  // so that the same file can be chosen again
  });
  const end = () => {
    for (const [name, listen] of Object.entries(listeners)) place.removeEventListener(name, listen);
  };
  return { label, end };
};

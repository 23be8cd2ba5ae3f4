/** Files that were dropped: those of folders too. */

/** What an operating system adds to a folder, and a disc's index, in small letters. */
const IGNORED = new Set([".ds_store", "thumbs.db", "desktop.ini", "dicomdir"]);

/**
 * Returns what was dropped as a flat list.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
 */
export async function droppedFiles(transfer) {
  // The items are gone after the first wait, so all entries are taken before it.
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return Array.from(transfer.files);
  const files = await Promise.all(entries.map(filesOf));
  return files.flat().filter((file) => !IGNORED.has(file.name.toLowerCase()));
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  while (true) {
    // A reader gives a hundred entries at a time, and none at the end.
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return found;
    for (const member of entries) found.push(...(await filesOf(member)));
  }
}

// Sends what a person wrote, one message after the other in the order she pressed "send".

import { sendMessage, uploadFile } from "./control.js";

const ALBUM_MOST = 10;

let before = Promise.resolve();

/** Uploads the files (a promise of {photos, documents, spoiler}) and sends them with the text as their caption. */
export function deliver(chatId, message, text, files) {
  const mine = before.then(async () => send(chatId, message, text, await files));
  before = mine.catch(() => {});
  return mine;
}

async function send(chatId, message, text, { photos, documents, spoiler }) {
  const isVoice = ({ type }) => type === "audio/ogg";
  const batches = [
    ...inBatches("photos", photos),
    ...inBatches(
      "documents",
      documents.filter((file) => !isVoice(file)),
    ),
    ...documents.filter(isVoice).map((file) => ["voice", [file]]),
  ];
  if (!batches.length) return sendMessage(chatId, { ...message, text });
  for (const [i, [kind, files]] of batches.entries()) {
    const keys = [];
    for (const file of files) keys.push(await uploadFile(file));
    await sendMessage(chatId, {
      ...message,
      [kind]: kind === "voice" ? keys[0] : keys,
      ...(i === 0 && text && { caption: text }),
      ...(spoiler && kind === "photos" && { spoiler }),
    });
  }
}

function inBatches(kind, files) {
  const batches = [];
  for (let at = 0; at < files.length; at += ALBUM_MOST)
    batches.push([kind, files.slice(at, at + ALBUM_MOST)]);
  return batches;
}

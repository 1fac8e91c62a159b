import { displayWidth } from './width.js';

/** Cuts a word that is too wide for a line into pieces that are not. */
function breakWord(word, width) {
  const pieces = [];
  for (let at = 0; at < word.length; at += width) pieces.push(word.slice(at, at + width));
  return pieces;
}

function wrapParagraph(paragraph, width) {
  const lines = [];
  let line = '';
  let used = 0;
  const push = (piece, cells) => {
    line = used === 0 ? piece : `${line} ${piece}`;
    used = used === 0 ? cells : used + 1 + cells;
  };
  const flush = () => {
    lines.push(line);
    line = '';
    used = 0;
  };
  for (const word of paragraph.split(/ +/).filter((part) => part !== '')) {
    const cells = displayWidth(word);
    if (used > 0 && used + 1 + cells > width) flush();
    if (cells <= width) {
      push(word, cells);
      continue;
    }
    const pieces = breakWord(word, width);
    pieces.forEach((piece, index) => {
      push(piece, displayWidth(piece));
      if (index < pieces.length - 1) flush();
    });
  }
  flush();
  return lines;
}

/** Wraps text into lines of at most `width` cells. Throws RangeError for a width below 2. */
export function wrap(text, width) {
  if (!Number.isInteger(width) || width < 2) throw new RangeError(`width must be at least 2: ${width}`);
  return text.split('\n').flatMap((paragraph) => wrapParagraph(paragraph, width));
}

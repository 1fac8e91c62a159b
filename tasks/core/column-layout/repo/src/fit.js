import { tokens } from './ansi.js';
import { displayWidth } from './width.js';

const PLAIN = '\x1b[0m';

function cut(text, width) {
  let kept = '';
  let used = 0;
  for (const token of tokens(text)) {
    if (used + token.width > width - 1) break;
    kept += token.text;
    used += token.width;
  }
  return { kept: `${kept}…`, used: used + 1 };
}

/** Ends a line that has styles in it with a plain one, so that its padding is plain too. */
function close(line) {
  const sequences = line.match(/\x1b\[[0-9;]*m/g);
  return sequences === null || sequences.at(-1) === PLAIN ? line : line + PLAIN;
}

function pad(line, missing, align) {
  if (align === 'right') return ' '.repeat(missing) + line;
  if (align === 'center') {
    const before = Math.floor(missing / 2);
    return ' '.repeat(before) + line + ' '.repeat(missing - before);
  }
  return line + ' '.repeat(missing);
}

/** One line of exactly `width` cells. */
export function fit(text, width, align = 'left') {
  const full = displayWidth(text);
  if (full <= width) return pad(close(text), width - full, align);
  const { kept, used } = cut(text, width);
  return pad(close(kept), width - used, align);
}

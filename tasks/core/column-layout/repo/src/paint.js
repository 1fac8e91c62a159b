const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

function colourCodes(colour, base) {
  if (colour === undefined) return [];
  if (Array.isArray(colour)) return [base + 8, 2, ...colour];
  if (Number.isInteger(colour)) return [base + 8, 5, colour];
  const index = COLOURS.indexOf(colour);
  if (index === -1) throw new TypeError(`no such colour: ${colour}`);
  return [base + index];
}

/**
 * The text with a style around it. Colours are a name, a number of the 256-colour palette or an
 * array of red, green and blue.
 */
export function paint(text, { bold = false, underline = false, fg, bg } = {}) {
  const codes = [
    ...(bold ? [1] : []),
    ...(underline ? [4] : []),
    ...colourCodes(fg, 30),
    ...colourCodes(bg, 40),
  ];
  return codes.length === 0 ? text : `\x1b[${codes.join(';')}m${text}\x1b[0m`;
}

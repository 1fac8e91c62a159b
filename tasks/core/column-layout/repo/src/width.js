const WIDE = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

const MARK = /^[\p{Mn}\p{Me}]$/u;

export function isMark(char) {
  return MARK.test(char);
}

/** Cells that one character takes. */
export function charWidth(char) {
  if (isMark(char)) return 0;
  const code = char.codePointAt(0);
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

/** Cells that a line of text takes, style sequences not counted. */
export function displayWidth(text) {
  let width = 0;
  for (const char of text.replace(/\x1b\[[0-9;]*m/g, '')) width += charWidth(char);
  return width;
}

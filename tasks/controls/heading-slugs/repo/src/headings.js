'use strict';

const HEADING = /^(#{1,6})\s+(.*?)\s*#*\s*$/;
const FENCE = /^(```|~~~)/;

/** The headings of a Markdown text, each with level and text. */
function headings(markdown) {
  const found = [];
  let fence = null;
  for (const line of markdown.split('\n')) {
    const mark = FENCE.exec(line);
    if (fence !== null) {
      if (mark !== null && mark[1] === fence) fence = null;
      continue;
    }
    if (mark !== null) {
      fence = mark[1];
      continue;
    }
    const heading = HEADING.exec(line);
    if (heading !== null) found.push({ level: heading[1].length, text: heading[2] });
  }
  return found;
}

module.exports = { headings };

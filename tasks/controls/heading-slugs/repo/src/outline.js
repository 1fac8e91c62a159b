'use strict';

const { headings } = require('./headings');
const { createSlugger } = require('./slug');

/** The headings of a document with slugs that are distinct. */
function outline(markdown) {
  const slugger = createSlugger();
  return headings(markdown).map((heading) => ({ ...heading, slug: slugger(heading.text) }));
}

/** A table of contents as a Markdown list. */
function toc(markdown) {
  const entries = outline(markdown);
  const top = Math.min(...entries.map(({ level }) => level));
  return entries
    .map(({ level, text, slug }) => `${'  '.repeat(level - top)}- [${text}](#${slug})`)
    .join('\n');
}

module.exports = { outline, toc };

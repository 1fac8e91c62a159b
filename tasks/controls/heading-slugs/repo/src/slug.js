'use strict';

/** A heading as it can stand in a URL. */
function slug(text) {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9\s-]/g, '')
    .trim()
    .replace(/[\s-]+/g, '-');
}

/** Makes slugs that are different from those made before, by numbers at their ends. */
function createSlugger() {
  const taken = new Set();
  return (text) => {
    const plain = slug(text) || 'section';
    let name = plain;
    for (let number = 2; taken.has(name); number += 1) name = `${plain}-${number}`;
    taken.add(name);
    return name;
  };
}

module.exports = { slug, createSlugger };

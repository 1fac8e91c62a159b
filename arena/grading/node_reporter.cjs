'use strict';
// Loaded before the tests are, and so before anything of the tree.
require('node:assert');
require('node:test');
const { stringify } = JSON;
module.exports = async function* (events) {
  for await (const { type, data } of events) {
    if (type !== 'test:start' && type !== 'test:pass' && type !== 'test:fail') continue;
    const { name, nesting, skip, todo, details } = data;
    const marks = { skip: skip !== undefined, todo: todo !== undefined };
    const suite = details?.type === 'suite';
    yield stringify({ type, name, nesting, ...marks, suite }) + '\n';
  }
};

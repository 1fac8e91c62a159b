import test from 'node:test';
import assert from 'node:assert/strict';
import { wrap, paint, stripStyles } from '../src/index.js';

test('breaks between words', () => {
  assert.deepEqual(wrap('the quick brown fox', 10), ['the quick', 'brown fox']);
  assert.deepEqual(wrap('a  b   c', 20), ['a b c']);
});

test('keeps line breaks and empty lines', () => {
  assert.deepEqual(wrap('one two\n\nthree', 20), ['one two', '', 'three']);
  assert.deepEqual(wrap('', 20), ['']);
});

test('breaks words that are too wide', () => {
  assert.deepEqual(wrap('see abcdefghij for it', 6), ['see', 'abcdef', 'ghij', 'for it']);
});

test('counts wide characters twice', () => {
  assert.deepEqual(wrap('日本 東京 x', 9), ['日本 東京', 'x']);
});

test('keeps a style that fits on one line', () => {
  const red = paint('red', { fg: 'red' });
  const [line, ...others] = wrap(`one ${red} two`, 20);
  assert.deepEqual(others, []);
  assert.equal(stripStyles(line), 'one red two');
  assert.match(line, /^one \x1b\[[0-9;]*31mred\x1b\[/);
});

test('does not count styles', () => {
  const lines = wrap(`one ${paint('red', { fg: 'red' })} two`, 7);
  assert.deepEqual(lines.map(stripStyles), ['one red', 'two']);
});

test('refuses widths that hold no wide character', () => {
  assert.throws(() => wrap('x', 1), RangeError);
});

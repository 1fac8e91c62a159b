import test from 'node:test';
import assert from 'node:assert/strict';
import { applyPatch, parsePointer, formatPointer } from '../src/index.js';

const run = (document, ...patch) => applyPatch(document, patch);

test('adds, replaces and removes', () => {
  assert.deepEqual(run({ a: 1 }, { op: 'add', path: '/b', value: 2 }), { a: 1, b: 2 });
  assert.deepEqual(run([1, 3], { op: 'add', path: '/1', value: 2 }), [1, 2, 3]);
  assert.deepEqual(run([1], { op: 'add', path: '/-', value: 2 }), [1, 2]);
  assert.deepEqual(run({ a: [1, 2] }, { op: 'replace', path: '/a/1', value: 5 }), { a: [1, 5] });
  assert.deepEqual(run({ a: [1, 2] }, { op: 'remove', path: '/a/0' }), { a: [2] });
  assert.equal(run({ a: 1 }, { op: 'replace', path: '', value: 7 }), 7);
});

test('moves, copies and tests', () => {
  assert.deepEqual(run({ a: { b: 1 } }, { op: 'move', from: '/a/b', path: '/c' }), { a: {}, c: 1 });
  assert.deepEqual(run([1, 2, 3], { op: 'move', from: '/0', path: '/2' }), [2, 3, 1]);
  assert.deepEqual(run({ a: [1] }, { op: 'copy', from: '/a', path: '/b' }), { a: [1], b: [1] });
  assert.deepEqual(run({ a: { x: 1, y: 2 } }, { op: 'test', path: '/a', value: { y: 2, x: 1 } }), { a: { x: 1, y: 2 } });
});

test('names the operation that fails', () => {
  const patch = [{ op: 'add', path: '/b', value: 2 }, { op: 'remove', path: '/nope' }];
  assert.throws(() => applyPatch({ a: 1 }, patch), { name: 'PatchError', index: 1 });
  const bad = [
    { op: 'test', path: '/a', value: 2 },
    { op: 'move', from: '/a', path: '/a/b' },
    { op: 'add', path: '/a/b', value: 1 },
    { op: 'add', path: '/b' },
    { op: 'remove', path: '' },
    { op: 'replace', path: '/list/3', value: 0 },
    { op: 'add', path: '/list/01', value: 0 },
    { op: 'swap', path: '/a' },
  ];
  for (const operation of bad) {
    assert.throws(() => run({ a: 1, list: [1, 2, 3] }, operation), { name: 'PatchError', index: 0 });
  }
});

test('leaves the given document and the patch alone', () => {
  const document = { a: { b: [1] } };
  const patch = [
    { op: 'add', path: '/c', value: { d: [] } },
    { op: 'add', path: '/c/d/-', value: 1 },
    { op: 'add', path: '/a/b/-', value: 2 },
  ];
  const expected = { a: { b: [1, 2] }, c: { d: [1] } };
  assert.deepEqual(applyPatch(document, patch), expected);
  assert.deepEqual(applyPatch(document, patch), expected);
  assert.deepEqual(document, { a: { b: [1] } });
});

test('reads and writes pointers', () => {
  assert.deepEqual(parsePointer('/a~1b/~0/'), ['a/b', '~', '']);
  assert.equal(formatPointer(['a/b', '~', 0]), '/a~1b/~0/0');
  assert.throws(() => parsePointer('a'), { name: 'PointerError' });
});

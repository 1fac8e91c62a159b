import test from 'node:test';
import assert from 'node:assert/strict';
import { applyPatch, createStore } from '../src/index.js';

const add = (path, value) => ({ op: 'add', path, value });

test('twin: savepoints bring back what was changed before they were taken', () => {
  const store = createStore({ items: [] });
  store.transact((tx) => {
    tx.apply([add('/items/-', 'first')]);
    const point = tx.savepoint();
    tx.apply([add('/items/-', 'second')]);
    tx.rollback(point);
  });
  assert.deepEqual(store.state, { items: [] });
});

test('twin: operations copy what was changed in the same patch', () => {
  const patch = [add('/a/tags/-', 'x'), { op: 'copy', from: '/a', path: '/b' }, add('/b/tags/-', 'y')];
  assert.deepEqual(applyPatch({ a: { tags: [] } }, patch), { a: { tags: ['x'] }, b: { tags: ['y'] } });
});

import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { createStore } from '../src/index.js';

const add = (path, value) => ({ op: 'add', path, value });
const replace = (path, value) => ({ op: 'replace', path, value });

describe('store', () => {
  it('commits what a transaction did', () => {
    const store = createStore({ items: [] });
    const result = store.transact((tx) => {
      tx.apply([add('/items/-', 'a')]);
      tx.apply([add('/items/-', 'b')]);
      return tx.get('/items/1');
    });
    assert.equal(result, 'b');
    assert.deepEqual(store.state, { items: ['a', 'b'] });
  });

  it('changes nothing when the transaction throws', () => {
    const store = createStore({ n: 1 });
    const { state } = store;
    assert.throws(() => store.transact((tx) => {
      tx.apply([replace('/n', 2)]);
      throw new Error('stop');
    }), /stop/);
    assert.equal(store.state, state);
    assert.deepEqual(state, { n: 1 });
  });

  it('undoes and redoes', () => {
    const store = createStore({ n: 0 });
    for (const n of [1, 2]) store.transact((tx) => tx.apply([replace('/n', n)]));
    assert.equal(store.undo(), true);
    assert.deepEqual(store.state, { n: 1 });
    assert.equal(store.redo(), true);
    assert.equal(store.redo(), false);
    store.undo();
    store.transact((tx) => tx.apply([replace('/n', 9)]));
    assert.equal(store.redo(), false);
    assert.deepEqual(store.state, { n: 9 });
  });

  it('tells its listeners', () => {
    const store = createStore({ n: 0 });
    const seen = [];
    const stop = store.subscribe((state, previous) => seen.push([previous.n, state.n]));
    store.transact((tx) => tx.apply([replace('/n', 1)]));
    store.transact(() => {});
    store.undo();
    stop();
    store.redo();
    assert.deepEqual(seen, [[0, 1], [1, 0]]);
  });

  it('shares what was not touched', () => {
    const store = createStore({ a: { x: 1 }, b: { y: [1] } });
    const { state } = store;
    store.transact((tx) => tx.apply([replace('/a/x', 2)]));
    assert.equal(store.state.b, state.b);
  });
});

describe('transaction', () => {
  it('goes back to a savepoint', () => {
    const store = createStore({ n: 0, list: [] });
    store.transact((tx) => {
      const start = tx.savepoint();
      tx.apply([replace('/n', 1), add('/list/-', 'x')]);
      tx.rollback(start);
      tx.apply([add('/list/-', 'y')]);
    });
    assert.deepEqual(store.state, { n: 0, list: ['y'] });
  });

  it('knows only savepoints that are still there', () => {
    createStore({}).transact((tx) => {
      const first = tx.savepoint();
      const second = tx.savepoint();
      tx.rollback(first);
      tx.rollback(first);
      assert.throws(() => tx.rollback(second), /no such savepoint/);
    });
  });

  it('is as before when a patch fails', () => {
    const store = createStore({ n: 0 });
    store.transact((tx) => {
      assert.throws(() => tx.apply([replace('/n', 1), replace('/m', 1)]), { name: 'PatchError' });
      assert.equal(tx.get('/n'), 0);
    });
    assert.deepEqual(store.state, { n: 0 });
  });

  it('cannot be used afterwards', () => {
    let kept;
    createStore({}).transact((tx) => {
      kept = tx;
    });
    assert.throws(() => kept.get(''), /over/);
  });
});

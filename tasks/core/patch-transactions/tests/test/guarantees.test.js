import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { applyPatch, createStore } from '../src/index.js';

const add = (path, value) => ({ op: 'add', path, value });
const replace = (path, value) => ({ op: 'replace', path, value });
const remove = (path) => ({ op: 'remove', path });
const copy = (from, path) => ({ op: 'copy', from, path });
const move = (from, path) => ({ op: 'move', from, path });

function inTransaction(document, fn) {
  const store = createStore(document);
  store.transact(fn);
  return store.state;
}

describe('points to return to', () => {
  it('bring back what was changed before they were taken', () => {
    const state = inTransaction({ items: [], total: 0 }, (tx) => {
      tx.apply([add('/items/-', 'first'), replace('/total', 1)]);
      const point = tx.savepoint();
      tx.apply([add('/items/-', 'second'), replace('/total', 2)]);
      tx.rollback(point);
    });
    assert.deepEqual(state, { items: ['first'], total: 1 });
  });

  it('bring back nested containers', () => {
    const state = inTransaction({ a: { b: { c: [1] }, d: {} } }, (tx) => {
      tx.apply([add('/a/b/c/-', 2), add('/a/d/x', {})]);
      const point = tx.savepoint();
      tx.apply([add('/a/b/c/-', 3), remove('/a/b/c/0'), add('/a/d/x/y', 1), replace('/a/b', null)]);
      tx.rollback(point);
      tx.apply([add('/a/e', true)]);
    });
    assert.deepEqual(state, { a: { b: { c: [1, 2] }, d: { x: {} }, e: true } });
  });

  it('hold while one place is edited over and over', () => {
    const state = inTransaction({ list: [] }, (tx) => {
      const points = [];
      for (let n = 0; n < 4; n += 1) {
        points.push(tx.savepoint());
        tx.apply([add('/list/-', n)]);
      }
      tx.rollback(points[2]);
      assert.deepEqual(tx.get('/list'), [0, 1]);
      tx.apply([add('/list/-', 'x')]);
      tx.rollback(points[1]);
      tx.apply([add('/list/-', 'y')]);
    });
    assert.deepEqual(state, { list: [0, 'y'] });
  });

  it('can be used again and again', () => {
    inTransaction({ list: ['a'], n: { v: 0 } }, (tx) => {
      tx.apply([add('/list/-', 'b'), replace('/n/v', 1)]);
      const point = tx.savepoint();
      for (const text of ['c', 'd', 'e']) {
        tx.apply([add('/list/-', text), replace('/n/v', text)]);
        tx.rollback(point);
        assert.deepEqual(tx.get(''), { list: ['a', 'b'], n: { v: 1 } });
      }
    });
  });
});

describe('values handed out', () => {
  it('of get keep their content', () => {
    inTransaction({ a: { list: [1] } }, (tx) => {
      tx.apply([add('/a/list/-', 2)]);
      const list = tx.get('/a/list');
      const whole = tx.get('');
      tx.apply([add('/a/list/-', 3), add('/a/x', 1), add('/b', 1)]);
      assert.deepEqual(list, [1, 2]);
      assert.deepEqual(whole, { a: { list: [1, 2] } });
      assert.deepEqual(tx.get(''), { a: { list: [1, 2, 3], x: 1 }, b: 1 });
    });
  });

  it('of get may be handed in elsewhere', () => {
    const state = inTransaction({ a: { list: [] } }, (tx) => {
      tx.apply([add('/a/list/-', 1)]);
      tx.apply([add('/b', tx.get('/a'))]);
      tx.apply([add('/b/list/-', 2)]);
      tx.apply([add('/a/list/-', 3)]);
    });
    assert.deepEqual(state, { a: { list: [1, 3] }, b: { list: [1, 2] } });
  });

  it('of the store survive later transactions', () => {
    const store = createStore({ list: [] });
    const states = [];
    for (let n = 0; n < 3; n += 1) {
      store.transact((tx) => tx.apply([add('/list/-', n), add('/list/-', -n)]));
      states.push(store.state);
    }
    assert.deepEqual(states.map((state) => state.list.length), [2, 4, 6]);
    store.undo();
    assert.equal(store.state, states[1]);
  });
});

describe('effects of operations', () => {
  it('copy what was changed in the same patch', () => {
    assert.deepEqual(
      applyPatch({ a: { tags: [] } }, [add('/a/tags/-', 'x'), copy('/a', '/b'), add('/b/tags/-', 'y')]),
      { a: { tags: ['x'] }, b: { tags: ['x', 'y'] } },
    );
    assert.deepEqual(
      applyPatch({ a: { tags: [] } }, [add('/a/tags/-', 'x'), copy('/a', '/b'), add('/a/tags/-', 'y')]),
      { a: { tags: ['x', 'y'] }, b: { tags: ['x'] } },
    );
  });

  it('copy into arrays and into themselves', () => {
    assert.deepEqual(
      applyPatch([{ n: 0 }], [
        replace('/0/n', 1), copy('/0', '/0'), replace('/0/n', 2), copy('/1', '/-'), replace('/1/n', 3),
      ]),
      [{ n: 2 }, { n: 3 }, { n: 1 }],
    );
    assert.deepEqual(
      applyPatch({ a: { n: 1 } }, [replace('/a/n', 2), copy('/a', '/a/old'), replace('/a/old/n', 3), replace('/a/n', 4)]),
      { a: { n: 4, old: { n: 3 } } },
    );
    assert.deepEqual(
      applyPatch({ n: 1 }, [replace('/n', 2), copy('', '/old'), replace('/n', 3), add('/old/x', 1)]),
      { n: 3, old: { n: 2, x: 1 } },
    );
  });

  it('move and edit one copy of two', () => {
    assert.deepEqual(
      applyPatch({ a: { list: [] } }, [
        add('/a/list/-', 1), copy('/a', '/b'), move('/a', '/c'), add('/c/list/-', 2), add('/b/list/-', 3),
      ]),
      { b: { list: [1, 3] }, c: { list: [1, 2] } },
    );
  });

  it('leave values handed in alone', () => {
    const value = { list: [] };
    const patch = [add('/a', value), add('/b', value), add('/a/list/-', 1), add('/b/list/-', 2)];
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(applyPatch({}, patch), { a: { list: [1] }, b: { list: [2] } });
    }
    assert.deepEqual(value, { list: [] });
  });
});

describe('patches that fail', () => {
  it('undo their part of a transaction', () => {
    const state = inTransaction({ list: [], n: { v: 0 } }, (tx) => {
      tx.apply([add('/list/-', 1), replace('/n/v', 1)]);
      const bad = [add('/list/-', 2), replace('/n/v', 2), copy('/n', '/m'), remove('/nothing')];
      assert.throws(() => tx.apply(bad), { name: 'PatchError', index: 3 });
      assert.deepEqual(tx.get(''), { list: [1], n: { v: 1 } });
      tx.apply([add('/list/-', 3)]);
      assert.throws(() => tx.apply([add('/list/-', 4), remove('/nothing')]), { index: 1 });
    });
    assert.deepEqual(state, { list: [1, 3], n: { v: 1 } });
  });

  it('do not harm savepoints', () => {
    inTransaction({ list: [] }, (tx) => {
      tx.apply([add('/list/-', 1)]);
      const point = tx.savepoint();
      assert.throws(() => tx.apply([add('/list/-', 2), remove('/nothing')]));
      assert.deepEqual(tx.get('/list'), [1]);
      tx.apply([add('/list/-', 3)]);
      tx.rollback(point);
      assert.deepEqual(tx.get('/list'), [1]);
    });
  });
});

describe('identity of parts', () => {
  const document = () => ({ a: { x: { n: 1 } }, b: { y: [{ n: 1 }, { n: 2 }] } });

  it('of untouched parts is kept through savepoints and reads', () => {
    const store = createStore(document());
    const before = store.state;
    store.transact((tx) => {
      tx.apply([add('/a/z', 1)]);
      tx.get('');
      const point = tx.savepoint();
      tx.apply([replace('/b/y/0/n', 5), remove('/b/y/1')]);
      tx.get('/b');
      tx.rollback(point);
      assert.throws(() => tx.apply([replace('/b/y/0/n', 6), remove('/nothing')]));
      tx.apply([replace('/b/y/1/n', 3)]);
    });
    assert.deepEqual(store.state, { a: { x: { n: 1 }, z: 1 }, b: { y: [{ n: 1 }, { n: 3 }] } });
    assert.equal(store.state.a.x, before.a.x);
    assert.equal(store.state.b.y[0], before.b.y[0]);
    assert.deepEqual(before, document());
  });

  it('of the state is kept when everything is rolled back', () => {
    const store = createStore(document());
    const before = store.state;
    let calls = 0;
    store.subscribe(() => {
      calls += 1;
    });
    store.transact((tx) => {
      const point = tx.savepoint();
      tx.apply([add('/c', 1), replace('/b/y', [])]);
      tx.rollback(point);
      assert.throws(() => tx.apply([add('/c', 1), remove('/nothing')]));
      tx.get('/a');
    });
    assert.equal(store.state, before);
    assert.equal(calls, 0);
    assert.equal(store.undo(), false);
  });
});

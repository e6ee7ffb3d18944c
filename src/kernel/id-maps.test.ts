import assert from 'node:assert/strict';
import { test } from 'node:test';
import { areMapped, idInside, idMapText, idOutside, SAME_IDS, UNMAPPED } from './id-maps.ts';

const MAP = [
  { inside: 0, outside: 1000, size: 1 },
  { inside: 1, outside: 100000, size: 65535 },
];

test('ids are mapped in both directions, and nobody is who is in no range', () => {
  const pairs = [
    [0, 1000],
    [1, 100000],
    [65535, 165534],
  ] as const;
  for (const [inside, outside] of pairs) {
    assert.equal(idInside(MAP, outside), inside);
    assert.equal(idOutside(MAP, inside), outside);
  }
  assert.deepEqual(
    [0, 999, 1001, 165535].map((id) => idInside(MAP, id)),
    Array(4).fill(UNMAPPED),
  );
  assert.equal(idOutside(MAP, 65536), UNMAPPED);
  assert.equal(idOutside(SAME_IDS.uids, 0xfffffffe), 0xfffffffe);
  assert.ok(areMapped({ uids: MAP, gids: MAP }, [0, 5], [65535]));
  assert.ok(!areMapped({ uids: MAP, gids: MAP }, [0], [65536]));
});

test('maps as /proc shows them', () => {
  assert.equal(idMapText(MAP), '         0       1000          1\n         1     100000      65535\n');
  assert.equal(idMapText(SAME_IDS.uids), '         0          0 4294967295\n');
});

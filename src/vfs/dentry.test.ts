import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDentry, Dentry, pinDentry, pruneBelow, pruneDentry, removeDentry, unpinDentry } from './dentry.ts';
import { NO_INODE } from './inode.ts';

function tree(): { root: Dentry; directory: Dentry; child: Dentry } {
  const root = new Dentry('', null, NO_INODE);
  const directory = addDentry(root, 'directory', NO_INODE);
  return { root, directory, child: addDentry(directory, 'child', NO_INODE) };
}

function isCached(dentry: Dentry): boolean {
  return dentry.slot >= 0;
}

test('what is below a name that goes is forgotten with it', () => {
  const { directory, child } = tree();
  removeDentry(directory);
  assert.equal(isCached(child), false);
  assert.equal(directory.children?.size, 0);
});

test('what is in use when its directory is pruned goes with its last user', () => {
  const { root, directory, child } = tree();
  pinDentry(child);
  assert.deepEqual(pruneDentry(directory), []);
  assert.equal(isCached(child), false);
  assert.equal(isCached(directory), false);
  assert.equal(root.children?.get('directory')?.children?.get('child'), child);
  unpinDentry(child);
  assert.equal(root.children?.size, 0);
});

test('pruning tells what is mounted on', () => {
  const { root, directory, child } = tree();
  child.mountCount = 1;
  assert.deepEqual(pruneBelow(root), [child]);
  assert.equal(root.children?.get('directory'), directory);
  child.mountCount = 0;
  pinDentry(child);
  unpinDentry(child);
  assert.equal(root.children?.size, 0);
});

test('a tree may be deep', () => {
  const root = new Dentry('', null, NO_INODE);
  let at = root;
  for (let i = 0; i < 60_000; i++) at = addDentry(at, 'd', NO_INODE);
  pruneBelow(root);
  assert.equal(root.children?.size, 0);
});

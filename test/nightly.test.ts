/** Heavy programs: language runtimes, builds, servers. Run by `npm test -- --all`, or singly: `PROGRAMS=go npx node --test test/nightly.test.ts`. */
import { comparePrograms } from './compare-programs.ts';

comparePrograms('test/programs/nightly', 'test/packages-all.txt');

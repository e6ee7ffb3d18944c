/** Heavy programs: language runtimes, builds, servers. Run by `npm test -- --all`, or singly: `PROGRAMS=go npm run test:nightly`. */
import { comparePrograms } from './compare-programs.ts';

comparePrograms('test/programs/nightly', 'test/packages-all.txt');

/** Everyday programs, a few seconds for each script. */
import { comparePrograms } from './compare-programs.ts';

comparePrograms('test/programs', 'test/packages.txt');

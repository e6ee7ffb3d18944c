/** The first module of a built runsc: loads the command line's bundle and hands over. */
import { loadCli } from './load-bundle.ts';

/** The file of the command line's bundle: the build knows its name. */
declare const CLI_BUNDLE: string;

void loadCli(import.meta.dirname, CLI_BUNDLE).main(process.argv.slice(2));

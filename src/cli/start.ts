/** The first module of a runsc built into dist/: loads the command line's bundle and hands over. */
import { bundlesIn, loadCli } from './load-bundle.ts';

/** The file of the command line's bundle: the build knows its name. */
declare const CLI_BUNDLE: string;

const start = async (): Promise<void> =>
  loadCli(await bundlesIn(import.meta.dirname), CLI_BUNDLE).main(process.argv.slice(2));
void start();

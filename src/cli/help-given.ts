/** Help was asked for and printed: the verb is done. */
export class HelpGiven extends Error {}

/** Tasks a container may have at the same time if nobody says otherwise: what a sentry has memory for. */
export const DEFAULT_MAX_TASKS = 32768;

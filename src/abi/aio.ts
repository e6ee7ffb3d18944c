/** Asynchronous I/O (linux/aio_abi.h). No logic. */

export const IOCB_SIZE = 64;
export const IO_EVENT_SIZE = 32;
/** sizeof(struct aio_ring) without its events. */
export const AIO_RING_SIZE = 32;

export const IOCB_CMD_PREAD = 0;
export const IOCB_CMD_PWRITE = 1;
export const IOCB_CMD_FSYNC = 2;
export const IOCB_CMD_FDSYNC = 3;
export const IOCB_CMD_POLL = 5;
export const IOCB_CMD_PREADV = 7;
export const IOCB_CMD_PWRITEV = 8;

export const IOCB_FLAG_RESFD = 1;

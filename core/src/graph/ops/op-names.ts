/** The union of op names. Every op table is typed by it, so that a new op does not compile until each table has its row. */
export type OpName = 'Add' | 'MatMul';

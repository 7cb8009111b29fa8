/** The outside of one run of the tool. All text is byte strings (see go-text.ts). */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** All of standard input. */
  readAll(): Promise<string>;
  /** The next line with its newline; null when the input ended before one came. */
  readLine(): Promise<string | null>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Resolves after `delayMs`. */
  sleep(delayMs: number): Promise<void>;
  /** Milliseconds since an arbitrary origin, fractional. */
  nowMs(): number;
  /** Milliseconds since the epoch. */
  wallMs(): number;
  /** A file's content. @throws when it cannot be read. */
  readFile(path: string): string;
  /** Begins a file. @throws when it cannot be made. */
  newFile(path: string): NewFile;
  /** Asks on the terminal, the answer is not shown. */
  askSecret(prompt: string): Promise<string>;
}

/** A file that gets its name when it is whole and durable. */
export interface NewFile {
  write(bytes: Uint8Array): void;
  /** Gives it its name. */
  finish(): void;
  /** Leaves nothing behind; nothing to do after `finish`. */
  discard(): void;
}

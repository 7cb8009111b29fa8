/** A field as the JSON mapping sees it. */
export interface FieldDescriptor {
  /** The name in the .proto file: what is written. */
  readonly name: string;
  /** The lowerCamel name: also read. */
  readonly jsonName: string;
  /** The property of our message; of the member's value when in a oneof. */
  readonly prop: string;
  readonly kind:
    | "bytes"
    | "string"
    | "bool"
    | "uint"
    | "int"
    | "uint64"
    | "int64"
    | "int32"
    | "uint32"
    | "enum"
    | "message";
  readonly repeated: boolean;
  /** The property of the oneof it belongs to. */
  readonly oneof: string | undefined;
  /** Full name of its message type. */
  readonly message: string | undefined;
  /** The numbers of its enum by name. */
  readonly values: Readonly<Record<string, number>> | undefined;
}

/** A message with the generated functions that make, read and write it. */
export interface MessageDescriptor {
  readonly create: () => object;
  readonly decode: (bytes: Uint8Array, start: number, end: number) => object;
  /** Takes what `create` and `decode` give. */
  readonly encodeToBytes: (message: never) => Uint8Array;
  /** In ascending order of their numbers, which is that of their declaration. */
  readonly fields: readonly FieldDescriptor[];
}

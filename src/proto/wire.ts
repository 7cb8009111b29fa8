/**
 * The protobuf wire format by hand: what generated codecs are made of and what hand-written hot
 * paths use. No function here allocates unless it says so; all state is in the cursor passed in.
 */
export { Cursor, drain, enter, leave, malformed, mergeRecursive, ProtoError } from "./cursor.ts";
export { GROUP_DEPTH_MAX, MESSAGE_DEPTH_MAX, NUMBER_MAX } from "./cursor.ts";
export { EMPTY_BYTES, readBytes, readLength, readPair, readString, readTag } from "./read.ts";
export { readBool, readInt, readInt32, readInt64, readUint, readUint32 } from "./read.ts";
export { readUint64, skipField } from "./read.ts";
export { copyBytes, delimitedSize, ENCODE_DEPTH_MAX, finish, SizeTape, textSize } from "./write.ts";
export { varint64Size, varintSize, writeBytes, writePair, writeTag, writeText } from "./write.ts";
export { writeVarint, writeVarint64 } from "./write.ts";

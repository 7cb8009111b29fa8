import { isGrpcContentType, replyContentType } from "../../wire/grpc/content-type.ts";
import { decodeBinaryValue, isBinaryKey, isReservedName } from "../../wire/grpc/metadata.ts";
import { headerBlock, plainHeaderBlock } from "../../wire/grpc/reply-blocks.ts";
import { parseGrpcTimeout } from "../../wire/grpc/timeout.ts";
import type { HeaderField, HeaderList } from "../../wire/h2/types.ts";
import type { GrpcCounters } from "./counters.ts";
import type { MethodTable } from "./method-table.ts";

/**
 * What a header field means to the door. Found once for each field object and kept in its `tag` as
 * kind + extra · 32, so that a field from the HPACK table costs one look at a number.
 */
const Kind = {
  ignored: 1,
  post: 2,
  otherMethod: 3,
  path: 4,
  contentType: 5,
  contentTypeOther: 6,
  contentTypeBad: 7,
  timeout: 8,
  encoding: 9,
  authority: 10,
  host: 11,
  apiVersion: 12,
  apiVersionBad: 13,
  metadata: 14,
  metadataBad: 15,
} as const;

const kindBits = 5;
const kindMask = 31;

/** Values of the extra part of `encoding`. */
const encodingGzip = 1;
const encodingUnknown = 2;

/** The header fields of one request, as far as they matter; one object, used again and again. */
export class RequestHead {
  methodId = -1;
  path = "";
  method = "";
  isPost = false;
  isGrpc = false;
  contentType = "";
  headerBlock: Uint8Array = plainHeaderBlock;
  /** From `grpc-timeout`, ms; -1 when there is none. */
  timeoutMs = -1;
  gzip = false;
  /** `grpc-encoding` that nobody here can unpack. */
  unknownEncoding: string | null = null;
  authorityCount = 0;
  hostCount = 0;
  versionId = 0;
  badVersion = false;
  /** Malformed timeout or binary metadata: the last of them counts, as in grpc-go. */
  badField: HeaderField | null = null;
  readonly fields: HeaderField[] = [];
  fieldCount = 0;
  readonly #table: MethodTable;
  readonly #counters: GrpcCounters;
  readonly #replyBlocks = new Map<string, Uint8Array>();

  constructor(table: MethodTable, counters: GrpcCounters) {
    this.#table = table;
    this.#counters = counters;
  }

  /** Takes over what `list` says. */
  read(list: HeaderList): void {
    this.#clear();
    const { fields, count } = list;
    for (let i = 0; i < count; i++) {
      const field = fields[i] as HeaderField;
      const tag = field.tag === 0 ? this.#classify(field) : field.tag;
      const kind = tag & kindMask;
      if (kind !== Kind.ignored) this.#take(field, kind, tag >>> kindBits);
    }
    if (this.gzip || this.contentType !== "") this.headerBlock = this.#replyBlock();
  }

  #clear(): void {
    this.methodId = -1;
    this.path = "";
    this.method = "";
    this.isPost = false;
    this.isGrpc = false;
    this.contentType = "";
    this.headerBlock = plainHeaderBlock;
    this.timeoutMs = -1;
    this.gzip = false;
    this.unknownEncoding = null;
    this.authorityCount = 0;
    this.hostCount = 0;
    this.versionId = 0;
    this.badVersion = false;
    this.badField = null;
    this.fieldCount = 0;
    if (this.fields.length > keptFieldsMax) this.fields.length = 0;
  }

  #take(field: HeaderField, kind: number, extra: number): void {
    switch (kind) {
      case Kind.post:
        this.isPost = true;
        break;
      case Kind.otherMethod:
        this.method = field.value;
        break;
      case Kind.path:
        this.path = field.value;
        this.methodId = extra - 1;
        break;
      case Kind.contentType:
        this.isGrpc = true;
        break;
      case Kind.contentTypeOther:
        this.isGrpc = true;
        this.contentType = field.value;
        break;
      case Kind.contentTypeBad:
        this.contentType = field.value;
        break;
      case Kind.timeout:
        this.#takeTimeout(field);
        break;
      case Kind.authority:
        this.authorityCount++;
        break;
      case Kind.host:
        this.hostCount++;
        break;
      default:
        this.#takeRare(field, kind, extra);
    }
  }

  #takeRare(field: HeaderField, kind: number, extra: number): void {
    switch (kind) {
      case Kind.encoding:
        this.gzip = extra === encodingGzip;
        this.unknownEncoding = extra === encodingUnknown ? field.value : null;
        break;
      case Kind.apiVersion:
        this.versionId = extra;
        this.fields[this.fieldCount++] = field;
        break;
      case Kind.apiVersionBad:
        this.badVersion = true;
        break;
      case Kind.metadataBad:
        this.badField = field;
        break;
      default:
        this.fields[this.fieldCount++] = field;
    }
  }

  #takeTimeout(field: HeaderField): void {
    this.timeoutMs = parseGrpcTimeout(field.value);
    if (this.timeoutMs < 0) this.badField = field;
  }

  #classify(field: HeaderField): number {
    const tag = this.#tagOf(field.name, field.value);
    field.tag = tag;
    return tag;
  }

  #tagOf(name: string, value: string): number {
    switch (name) {
      case "grpc-timeout":
        return Kind.timeout;
      case ":path":
        return Kind.path | ((this.#table.find(value) + 1) << kindBits);
      case ":method":
        return value === "POST" ? Kind.post : Kind.otherMethod;
      case "content-type":
        if (value === "application/grpc") return Kind.contentType;
        return isGrpcContentType(value) ? Kind.contentTypeOther : Kind.contentTypeBad;
      case ":authority":
        return Kind.authority;
      case "host":
        return Kind.host;
      case "grpc-encoding":
        return Kind.encoding | (encodingNumber(value) << kindBits);
      case "client-api-version":
        return this.#versionTag(value);
      case "user-agent":
      case "grpc-accept-encoding":
        return Kind.ignored;
      default:
        if (isReservedName(name)) return Kind.ignored;
        if (isBinaryKey(name) && decodeBinaryValue(value) === undefined) return Kind.metadataBad;
        return Kind.metadata;
    }
  }

  #versionTag(value: string): number {
    if (!isUtf8(value)) return Kind.apiVersionBad;
    return Kind.apiVersion | (this.#counters.versionId(value) << kindBits);
  }

  #replyBlock(): Uint8Array {
    if (!this.isGrpc) return plainHeaderBlock;
    const key = `${this.gzip ? "gzip" : ""} ${this.contentType}`;
    const known = this.#replyBlocks.get(key);
    if (known !== undefined) return known;
    const type = this.contentType === "" ? "application/grpc" : replyContentType(this.contentType);
    const block = headerBlock(type, this.gzip ? "gzip" : null);
    if (this.#replyBlocks.size < replyBlocksMax) this.#replyBlocks.set(key, block);
    return block;
  }
}

/** More fields of one request are not kept until another one has as many. */
const keptFieldsMax = 128;

/** Distinct content types and encodings whose blocks are kept; there is one in practice. */
const replyBlocksMax = 64;

function encodingNumber(value: string): number {
  if (value === "gzip") return encodingGzip;
  return value === "" || value === "identity" ? 0 : encodingUnknown;
}

/** Whether latin1 text, read as bytes, is UTF-8. */
function isUtf8(latin1: string): boolean {
  for (let i = 0; i < latin1.length; i++) {
    if (latin1.charCodeAt(i) >= 0x80) {
      try {
        decodeURIComponent(escapeBytes(latin1));
        return true;
      } catch {
        return false;
      }
    }
  }
  return true;
}

function escapeBytes(latin1: string): string {
  let out = "";
  for (let i = 0; i < latin1.length; i++) {
    out += `%${latin1.charCodeAt(i).toString(16).padStart(2, "0")}`;
  }
  return out;
}

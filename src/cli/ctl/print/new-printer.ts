import { ToolError, Exit } from "../../common/exit.ts";
import type { Io } from "../io.ts";
import { FieldsPrinter } from "./fields.ts";
import { JsonPrinter } from "./json.ts";
import type { Printer, PrintOptions } from "./printer.ts";
import { ProtobufPrinter } from "./protobuf.ts";
import { SimplePrinter } from "./simple.ts";
import { TablePrinter } from "./table.ts";

/** The printer of `--write-out`. @throws ToolError (exit code 4) for an unknown format. */
export function newPrinter(format: string, io: Io, options: PrintOptions): Printer {
  switch (format) {
    case "simple":
      return new SimplePrinter(io, options);
    case "fields":
      return new FieldsPrinter(io, options);
    case "json":
      return new JsonPrinter(io, options);
    case "protobuf":
      return new ProtobufPrinter(io);
    case "table":
      return new TablePrinter(io);
    default:
      throw new ToolError(Exit.badFeature, "unsupported output format");
  }
}

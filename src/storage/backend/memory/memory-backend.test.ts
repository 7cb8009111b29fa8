import { runAll } from "../backend.contract.ts";
import { openMemoryBackend } from "./memory-backend.ts";

runAll("memory", openMemoryBackend);

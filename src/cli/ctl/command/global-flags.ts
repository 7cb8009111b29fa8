import type { FlagSpec } from "../../common/flags.ts";

/** Flags that every command takes, with etcdctl's names and defaults. */
export const GLOBAL_FLAGS: readonly FlagSpec[] = [
  {
    name: "endpoints",
    type: "strings",
    fallback: "127.0.0.1:2379",
    usage: "where the cluster's members answer, separated by commas",
  },
  { name: "debug", type: "bool", fallback: "false", usage: "show the settings in use" },
  {
    name: "write-out",
    short: "w",
    type: "string",
    fallback: "simple",
    usage: "output format: fields, json, protobuf, simple, table",
  },
  { name: "hex", type: "bool", fallback: "false", usage: "show bytes in hexadecimal" },
  {
    name: "dial-timeout",
    type: "duration",
    fallback: "2s",
    usage: "how long getting credentials and connections may take",
  },
  {
    name: "command-timeout",
    type: "duration",
    fallback: "5s",
    usage: "how long a short command may take",
  },
  {
    name: "keepalive-time",
    type: "duration",
    fallback: "2s",
    usage: "silence after which the server is pinged",
  },
  {
    name: "keepalive-timeout",
    type: "duration",
    fallback: "6s",
    usage: "how long the server may take to answer a ping",
  },
  {
    name: "max-request-bytes",
    type: "int",
    fallback: "0",
    usage: "largest request to send, in bytes (0: 2 MiB)",
  },
  {
    name: "max-recv-bytes",
    type: "int",
    fallback: "0",
    usage: "largest answer to take, in bytes (0: 2 GiB)",
  },
  {
    name: "insecure-transport",
    type: "bool",
    fallback: "true",
    usage: "allow plain text connections",
  },
  {
    name: "insecure-discovery",
    type: "bool",
    fallback: "true",
    usage: "accept plain text endpoints from DNS",
  },
  {
    name: "insecure-skip-tls-verify",
    type: "bool",
    fallback: "false",
    usage: "accept any server certificate (for tests only)",
  },
  { name: "cert", type: "string", fallback: "", usage: "file with the client's certificate" },
  { name: "key", type: "string", fallback: "", usage: "file with the key of the certificate" },
  { name: "cacert", type: "string", fallback: "", usage: "file with the authorities to trust" },
  {
    name: "auth-jwt-token",
    type: "string",
    fallback: "",
    usage: "token to send, instead of --user and --password",
  },
  {
    name: "user",
    type: "string",
    fallback: "",
    usage: "name[:password]; asked for when there is no password",
  },
  {
    name: "password",
    type: "string",
    fallback: "",
    usage: "password; --user is then the whole name",
  },
  {
    name: "discovery-srv",
    short: "d",
    type: "string",
    fallback: "",
    usage: "domain whose SRV records name the endpoints",
  },
  {
    name: "discovery-srv-name",
    type: "string",
    fallback: "",
    usage: "service name to ask for in that domain",
  },
];

import { type Json, listOf, textOf } from './state';

/** An entry of an agent's tools, with what this page does not know kept as it is. */
export interface ToolEntry {
  type: string;
  title?: string;
  usageControl?: string;
  params?: { [key: string]: Json };
  schema?: Json;
  code?: string;
}

export const TOOL_KINDS: Record<string, string> = {
  'custom-tool': 'Code of your own',
  workflow_input: 'Workflow',
  api: 'HTTP request',
  mcp: 'MCP tool',
  'mcp-server': 'MCP server, all its tools',
  function: 'Code that the model writes',
  memory: 'Memory',
  webhook_request: 'Webhook',
};

/** A tool of this kind with nothing decided yet. */
export function newTool(kind: string): ToolEntry {
  if (kind !== 'custom-tool') return { type: kind, title: TOOL_KINDS[kind], params: {}, usageControl: 'auto' };
  return { type: kind, title: '', schema: schemaOf(undefined, '', '', []), code: '', params: {}, usageControl: 'auto' };
}

/** A parameter that the model gives. What its schema says beside type and description is kept. */
export interface Parameter {
  name: string;
  required: boolean;
  schema: { [key: string]: Json };
}

type JsonObject = { [key: string]: Json };

/** What a custom tool tells the model of itself; the schema may come with or without its `function` around it. */
export function functionOf(schema: Json | undefined): { description: string; parameters: Parameter[] } {
  const told = inner(schema);
  const document = objectOf(told.parameters);
  const required = listOf<string>(document.required ?? null);
  const parameters = Object.entries(objectOf(document.properties)).map(([name, property]) => ({
    name,
    required: required.includes(name),
    schema: objectOf(property),
  }));
  return { description: textOf(told.description), parameters };
}

/** `schema` telling the model this; whatever else stands in it, at any depth, stays as it is. */
export function schemaOf(
  schema: Json | undefined,
  name: string,
  description: string,
  parameters: readonly Parameter[],
): Json {
  const outer = objectOf(schema);
  const told = inner(schema);
  const changed = {
    ...told,
    name,
    description,
    parameters: {
      type: 'object',
      ...objectOf(told.parameters),
      properties: Object.fromEntries(parameters.map((each) => [each.name, each.schema])),
      required: parameters.filter((each) => each.required).map((each) => each.name),
    },
  };
  return told === outer && Object.keys(outer).length ? changed : { type: 'function', ...outer, function: changed };
}

function inner(schema: Json | undefined): JsonObject {
  const outer = objectOf(schema);
  return isObject(outer.function) ? outer.function : outer;
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

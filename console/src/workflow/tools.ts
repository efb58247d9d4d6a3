import { type Json, listOf, textOf } from './state';

/** Tool of an agent. Unknown keys are preserved. */
export interface ToolEntry {
  type: string;
  title?: string;
  usageControl?: string;
  params?: { [key: string]: Json };
  schema?: Json;
  code?: string;
}

export const TOOL_KINDS: Record<string, string> = {
  'custom-tool': 'Custom code',
  workflow_input: 'Workflow',
  api: 'HTTP request',
  mcp: 'MCP tool',
  'mcp-server': 'MCP server (all tools)',
  function: 'Code written by the model',
  memory: 'Memory',
  webhook_request: 'Webhook',
};

/** Return a new tool of a type. */
export function newTool(kind: string): ToolEntry {
  if (kind !== 'custom-tool') return { type: kind, title: TOOL_KINDS[kind], params: {}, usageControl: 'auto' };
  return { type: kind, title: '', schema: schemaOf(undefined, '', '', []), code: '', params: {}, usageControl: 'auto' };
}

/** Parameter filled in by the model. Schema keys other than type and description are preserved. */
export interface Parameter {
  name: string;
  required: boolean;
  schema: { [key: string]: Json };
}

type JsonObject = { [key: string]: Json };

/** Read the description and parameters of a custom tool. The schema may be wrapped in a `function` object. */
export function functionOf(schema: Json | undefined): { description: string; parameters: Parameter[] } {
  const definition = inner(schema);
  const document = objectOf(definition.parameters);
  const required = listOf<string>(document.required ?? null);
  const parameters = Object.entries(objectOf(document.properties)).map(([name, property]) => ({
    name,
    required: required.includes(name),
    schema: objectOf(property),
  }));
  return { description: textOf(definition.description), parameters };
}

/** Return `schema` with a new name, description and parameters. All other keys are preserved. */
export function schemaOf(
  schema: Json | undefined,
  name: string,
  description: string,
  parameters: readonly Parameter[],
): Json {
  const outer = objectOf(schema);
  const definition = inner(schema);
  const changed = {
    ...definition,
    name,
    description,
    parameters: {
      type: 'object',
      ...objectOf(definition.parameters),
      properties: Object.fromEntries(parameters.map((each) => [each.name, each.schema])),
      required: parameters.filter((each) => each.required).map((each) => each.name),
    },
  };
  return definition === outer && Object.keys(outer).length
    ? changed
    : { type: 'function', ...outer, function: changed };
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

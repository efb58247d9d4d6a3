import { describe, expect, test } from 'vitest';
import { functionOf, newTool, type Parameter, schemaOf } from '@/workflow/tools';

describe('the definition of a custom tool', () => {
  const parameters: Parameter[] = [
    { name: 'order', required: true, schema: { type: 'string', description: 'Its number', enum: ['a', 'b'] } },
    { name: 'limit', required: false, schema: { type: 'integer' } },
  ];

  test('is read as it was written, including unknown keys', () => {
    expect(functionOf(schemaOf(undefined, 'find', 'Finds orders', parameters))).toEqual({
      description: 'Finds orders',
      parameters,
    });
  });

  test('may have no function wrapper', () => {
    const bare = { description: 'Finds', parameters: { properties: { order: { type: 'string' } } } };
    expect(functionOf(bare)).toEqual({
      description: 'Finds',
      parameters: [{ name: 'order', required: false, schema: { type: 'string' } }],
    });
  });

  test('keeps unknown keys at every level', () => {
    const stored = {
      type: 'function',
      'x-owner': 'desk',
      function: {
        name: 'find',
        description: 'Finds orders',
        strict: true,
        parameters: { type: 'object', additionalProperties: false, properties: {}, required: [], $defs: { id: {} } },
      },
    };
    const changed = schemaOf(stored, 'find', 'Finds one', parameters) as unknown as typeof stored;
    expect(functionOf(changed)).toEqual({ description: 'Finds one', parameters });
    expect(changed['x-owner']).toBe('desk');
    expect(changed.function.strict).toBe(true);
    expect(changed.function.parameters.additionalProperties).toBe(false);
    expect(changed.function.parameters.$defs).toEqual({ id: {} });
    expect(schemaOf(changed, 'find', 'Finds orders', [])).toEqual(stored);
  });

  test('without a function wrapper gets none', () => {
    const bare = { name: 'find', strict: true, parameters: { properties: {} } };
    expect(schemaOf(bare, 'find', 'Finds', [])).toEqual({
      name: 'find',
      strict: true,
      description: 'Finds',
      parameters: { type: 'object', properties: {}, required: [] },
    });
  });

  test('is empty at first', () => {
    expect(functionOf(newTool('custom-tool').schema)).toEqual({ description: '', parameters: [] });
    expect(functionOf('no schema')).toEqual({ description: '', parameters: [] });
  });
});

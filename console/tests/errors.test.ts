import { expect, test } from 'vitest';
import { ApiError, messageOf } from '@/api/errors';

test('a message does not repeat details', () => {
  const details = [{ message: 'must be short' }, { message: 'must be free' }];
  const error = new ApiError(400, 'name must be short', null, details);
  expect(messageOf(error)).toBe('name must be short\nmust be free');
});

"""The broker of the tests refuses the queues that RabbitMQ 4.3 refuses by default.

RabbitMQ 4.3 itself is not available to the tests. Other differences between the versions are not covered here.
"""

import aio_pika
import pytest
from aio_pika.exceptions import AMQPError
from tests.support.rabbitmq import RabbitMQServer


async def test_a_transient_queue_that_is_not_exclusive_is_refused(rabbitmq: RabbitMQServer) -> None:
    async with await aio_pika.connect(rabbitmq.amqp_url) as connection:
        channel = await connection.channel()
        with pytest.raises((AMQPError, ConnectionError), match="transient_nonexcl_queues"):
            await channel.declare_queue("transient", durable=False, exclusive=False)

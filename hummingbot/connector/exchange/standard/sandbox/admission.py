"""What a node checks before a transaction may wait in its pool, in go-ethereum's order and words."""
from hummingbot.connector.exchange.standard.sandbox.pool import Pool
from hummingbot.connector.exchange.standard.sandbox.transactions import Transaction, TransactionRejected
from hummingbot.connector.exchange.standard.sandbox.world import Message, World


def message_of(transaction: Transaction) -> Message:
    """What the contracts see of a transaction."""
    return Message(transaction.sender, transaction.to, transaction.value, transaction.data, transaction.gas_limit)


def check_form(transaction: Transaction, world: World, *, base_fee: int, block_gas_limit: int) -> None:
    """The checks that need no account: fees and gas. Raises TransactionRejected.

    A transaction that cannot pay the present base fee (wei per gas) is refused rather than kept waiting; one that was
    accepted before the base fee rose waits.
    """
    if transaction.gas_limit > block_gas_limit:
        raise TransactionRejected("exceeds block gas limit")
    if transaction.max_priority_fee > transaction.max_fee:
        raise TransactionRejected("max priority fee per gas higher than max fee per gas: "
                                  f"address {transaction.sender}, maxPriorityFeePerGas: {transaction.max_priority_fee}, "
                                  f"maxFeePerGas: {transaction.max_fee}")
    intrinsic = world.intrinsic_gas(message_of(transaction))
    if transaction.gas_limit < intrinsic:
        raise TransactionRejected(f"intrinsic gas too low: gas {transaction.gas_limit}, minimum needed {intrinsic}")
    if transaction.max_fee < base_fee:
        if transaction.type == 2:
            raise TransactionRejected(f"max fee per gas less than block base fee: address {transaction.sender}, "
                                      f"maxFeePerGas: {transaction.max_fee}, baseFee: {base_fee}")
        raise TransactionRejected(f"transaction underpriced: gas price {transaction.max_fee}, minimum needed {base_fee}")


def check_account(transaction: Transaction, world: World, pool: Pool) -> None:
    """The checks against the sender's nonce and balance and against what waits already. Raises TransactionRejected."""
    nonce = world.nonce(transaction.sender)
    if transaction.nonce < nonce:
        raise TransactionRejected(f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")
    balance, cost = world.balance(transaction.sender), transaction.cost
    words = "insufficient funds for gas * price + value: balance"
    if balance < cost:
        raise TransactionRejected(f"{words} {balance}, tx cost {cost}, overshot {cost - balance}")
    replaced = pool.replaced_by(transaction)
    queued = pool.cost(transaction.sender) - (replaced.cost if replaced else 0)
    if balance < queued + cost:
        raise TransactionRejected(f"{words} {balance}, queued cost {queued}, tx cost {cost}, "
                                  f"overshot {queued + cost - balance}")
    pool.check(transaction)

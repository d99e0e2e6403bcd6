"""What the error of a node means. Nodes agree neither on codes nor on words, so this one table knows their dialects.

The question that matters after a failed send is whether the bytes may still be mined. Only the kinds that say "I looked
at it and did not take it" are a no; any text that is not known here is `UNKNOWN`, which proves nothing.
"""
import re
from enum import Enum

from hummingbot.connector.exchange.standard.chain.engine import Revert, decode_revert
from hummingbot.connector.exchange.standard.errors import RpcError


class SendError(Enum):
    """Why a node did not say yes to eth_sendRawTransaction."""

    ALREADY_KNOWN = "the node has these bytes already"
    NONCE_TOO_LOW = "a transaction with this nonce is in a block"
    NONCE_TOO_HIGH = "the node keeps no transactions ahead of their turn"
    REPLACEMENT_UNDERPRICED = "another transaction with this nonce waits, and this one does not offer enough more"
    FEE_TOO_LOW = "the fee is below what the node takes"
    INSUFFICIENT_FUNDS = "the account cannot pay for gas and value"
    REFUSED = "the node will never take these bytes"
    BUSY = "the node takes no transactions now"
    UNKNOWN = "nothing is known about the bytes"


# The first match counts: the more particular texts come first.
_SEND_TEXTS = tuple((re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in (
    (r"replacement.*underpriced|replacement fee too low|could not replace existing|"
     r"gas price too low to replace|another transaction with same nonce|"
     r"NotReplaced|ReplacementNotAllowed|transaction with the same nonce.*(lower|underpriced)",
     SendError.REPLACEMENT_UNDERPRICED),
    (r"already.?known|alreadyexists|already exists|already imported|\bknown transaction|already in (the )?(mem)?pool|"
     r"transaction already (present|added|received)|duplicate transaction|tx already in|same hash was already imported",
     SendError.ALREADY_KNOWN),
    (r"nonce.{0,20}too.?(low|old)|OldNonce|nonce.*(already (been )?used|is lower|below|smaller|less than)|"
     r"invalid nonce.*(low|expected)|"
     r"transaction nonce is too low|nonce_?expired",
     SendError.NONCE_TOO_LOW),
    (r"nonce.{0,20}too.?(high|far|distant)|nonce gap|NonceGap|nonce.*(in the future|higher than)", SendError.NONCE_TOO_HIGH),
    (r"insufficient.{0,12}(funds|balance)|InsufficientFunds|doesn'?t have enough (funds|balance)|not enough (funds|balance)|"
     r"balance (is )?too low|upfront cost exceeds",
     SendError.INSUFFICIENT_FUNDS),
    (r"underpriced|max fee per gas less than block base fee|fee ?cap.*(less|lower|below|too low)|FeeTooLow|"
     r"gas price.*(too low|below)|fee too low|below (the )?(base|minimum)|less than (block )?base fee|MaxFeePerGasTooLow|"
     r"gas price.*less than|minimum gas price|tip.*(too low|below|less)",
     SendError.FEE_TOO_LOW),
    (r"txpool is full|tx ?pool.*(full|overflow|limit)|pool is full|mempool is full|queue is full|TxPoolOverflow|"
     r"too many (pending|queued|transactions)|account.*limit.*(reached|exceeded)|in-?flight transaction limit|"
     r"rate.?limit|too many requests|request limit|not synced|syncing",
     SendError.BUSY),
    (r"intrinsic gas|exceeds block gas limit|gas ?limit.*(exceed|too (high|low|big|large))|GasLimitExceeded|gas too low|"
     r"exceeds the configured cap|oversized data|"
     r"invalid (sender|signature|chain ?id|transaction|v, ?r)|(wrong|incorrect|unexpected) chain.?id|"
     r"chain.?id.*(mismatch|does not match|not match)|rlp|type not supported|typed transaction|init ?code|only replay-protected|"
     r"tip above|priority fee.*(higher|above)|not whitelisted|blacklisted|denied|forbidden|"
     r"(failed to|could not) decode (the )?(signed |raw )?(transaction|tx|hex|rlp)",
     SendError.REFUSED),
))
_RATE_LIMIT_CODES = frozenset((429, -32005, -32029, -32097))
_RATE_LIMIT_TEXT = re.compile(r"rate.?limit|too many requests|request limit|throttl|exceeded.*(quota|capacity)|compute units",
                              re.IGNORECASE)
_LOG_RANGE_TEXT = re.compile(
    r"block range|range (is )?too|too (wide|large|many) (a )?(range|results|logs|blocks)|more than \d+ (results|logs)|"
    r"query returned more|max(imum)? (is set to )?\d* ?blocks|limited to|exceed.*(range|blocks|results)|response size|"
    r"blocks? distance|query timeout",
    re.IGNORECASE)
_REVERT_TEXT = re.compile(r"revert|invalid opcode|out of gas|stack (under|over)flow|execution (error|failed)|VM execution",
                          re.IGNORECASE)
_OUT_OF_GAS_TEXT = re.compile(r"out of gas|gas.*(exhausted|insufficient)|OutOfGas", re.IGNORECASE)
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


def classify_send(error: RpcError) -> SendError:
    """What the answer to eth_sendRawTransaction says about the bytes."""
    for pattern, kind in _SEND_TEXTS:
        if pattern.search(error.reason):
            return kind
    if error.code in _RATE_LIMIT_CODES:
        return SendError.BUSY
    return SendError.REFUSED if is_method_missing(error) else SendError.UNKNOWN


def is_rate_limit(error: RpcError) -> bool:
    """The node asks for fewer requests."""
    return (error.code in _RATE_LIMIT_CODES and not is_log_range(error)) or _RATE_LIMIT_TEXT.search(error.reason) is not None


def is_log_range(error: RpcError) -> bool:
    """eth_getLogs was asked for more blocks or more logs than the node gives at once: ask for a part."""
    return _LOG_RANGE_TEXT.search(error.reason) is not None


def is_method_missing(error: RpcError) -> bool:
    """The node does not know the method."""
    return error.code in (-32601, -32004) or re.search(r"method.*not (found|exist|supported|available|allowed)", error.reason,
                                                       re.IGNORECASE) is not None


def is_out_of_gas(error: RpcError) -> bool:
    """A simulated call needed more gas than it was given."""
    return _OUT_OF_GAS_TEXT.search(error.reason) is not None


def revert_of(error: RpcError) -> Revert | None:
    """Why the contract refused a simulated call; None when the error is not a revert."""
    raw = _revert_data(error.data)
    if raw is None and error.code != 3 and _REVERT_TEXT.search(error.reason) is None:
        return None
    if not raw and ":" in error.reason:  # only the text tells: "execution reverted: TFF"
        text = error.reason.split(":", 1)[1].strip()
        return Revert("Error", (text,)) if text else Revert("", ())
    return decode_revert(raw or b"")


def _revert_data(field: object) -> bytes | None:
    """Revert data are in `data`, in `data.data` or `data.result`, or in a text such as "Reverted 0x…"."""
    if isinstance(field, dict):
        for key in ("data", "result", "output", "return"):
            found = _revert_data(field.get(key))
            if found is not None:
                return found
        return None
    if not isinstance(field, str):
        return None
    words = field.split()
    if words and _HEX.fullmatch(words[-1]) and (len(words) == 1 or words[0].lower().startswith("revert")):
        return bytes.fromhex(words[-1][2:])
    return None

"""For each row of docs/faults.md: what guards against the fault, and how to take that guard away.

An edit replaces a text that stands once in a file of the package. With it, a test of the row must fail; `python -m
test.faults` (make fault-guards) sees to that.
"""
from typing import NamedTuple


class Edit(NamedTuple):
    """In `file` (below the package), `find` becomes `replace`."""

    file: str
    find: str
    replace: str


class Selection(NamedTuple):
    """Tests of a row: those that `tests` names, all of them when it is empty."""

    row: int
    tests: str


class Guard(NamedTuple):
    """What guards row `row`; `tests` names those of its tests that depend on it, all of the row when empty."""

    row: int
    what: str
    edits: tuple[Edit, ...]
    tests: str = ""

    @property
    def selection(self) -> Selection:
        """The tests that are to miss it."""
        return Selection(self.row, self.tests)


def guard(row: int, what: str, file: str, find: str, replace: str, tests: str = "") -> Guard:
    """A guard that is one edit."""
    return Guard(row, what, (Edit(file, find, replace),), tests)


GUARDS = (
    guard(1, "a lost answer proves nothing", "chain/broadcast.py",
          "if isinstance(answer, ApiUnavailableError):\n            slot.exposed.add(attempt.hash)\n"
          "            self._ledger.schedule(slot, RESEND_LOST, RESEND_LOST_LAST)",
          'if isinstance(answer, ApiUnavailableError):\n            refused.append((slot, "lost"))'),
    guard(2, "the same bytes are sent again", "chain/follower.py", "                again.append(slot)\n",
          "                pass\n"),
    guard(3, "an error that is not understood is no refusal", "chain/rpc_errors.py",
          "return SendError.REFUSED if is_method_missing(error) else SendError.UNKNOWN", "return SendError.REFUSED"),
    guard(4, "what is stuck is sent with a higher fee", "chain/follower.py",
          "stuck = slot.nonce == book.chain and now - slot.since > STUCK and self._ledger.head > slot.head", "stuck = False"),
    guard(5, "every attempt's receipt is asked for", "chain/follower.py",
          "for slot in window for attempt, _ in slot.attempts]\n        watched",
          "for slot in window for attempt, _ in slot.attempts[-1:]]\n        watched"),
    guard(6, "a nonce that somebody else used is noticed", "chain/follower.py", "        elif lost:\n", "        elif False:\n",
          "test_f06_another_program"),
    Guard(6, "a transaction that is in a block is not foreign", (
        Edit("chain/follower.py", "if slot.nonce < used and slot not in in_a_block]", "if slot.nonce < used]"),
        Edit("chain/follower.py", "if (slot in in_none or slot not in known) and", "if")), "test_f06_a_receipt"),
    guard(6, "what a block holds is not foreign, whatever is said of it", "chain/follower.py",
          "and slot not in in_doubt\n", "\n", "test_f06_a_node_that_knows_no_hash"),
    guard(6, "a transaction is foreign only by the word of a node that is not behind", "chain/follower.py",
          'quantity(head, "eth_blockNumber") < self._ledger.head', "False", "test_f06_a_receipt"),
    guard(7, "a gap is filled at once", "chain/transactions.py", "for nonce in ledger.book.gaps():", "for nonce in ():"),
    guard(8, "the head never goes back", "chain/rpc.py", "self._head = max(self._head, number)", "self._head = number",
          "test_f08_the_newest"),
    Guard(8, "the cursor never goes back", (
        Edit("feeds/told_logs.py", "                         max(block_number, self._block_number or 0), from_block)",
             "                         block_number, from_block)"),
        Edit("feeds/told_logs.py", "self._block_number = max(event.block_number, self._block_number or 0)",
             "self._block_number = event.block_number")), "test_f08_logs"),
    guard(8, "a start waits until the node knows as much as the last run", "account.py",
          "await is_begun_anew(self._rpc, self._began, block, witness)", "False", "test_f08_a_start"),
    guard(9, "the cap on fees", "chain/fees.py", "if self._cap is not None and max_fee > self._cap:", "if False:",
          "test_f09_fees"),
    guard(9, "a replacement offers enough more", "chain/fees.py", "BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8",
          "BUMP_NUMERATOR, BUMP_DENOMINATOR = 41, 40", "test_f09_a_replacement"),
    guard(10, "gas is kept for cancels", "placements.py", "        waiting = await self._with_gas_money(waiting)\n", "",
          "test_f10_no_native"),
    guard(10, "what cannot be paid for at once is sent in parts", "cancels.py", "except InsufficientFundsError:\n",
          "except asyncio.InvalidStateError:\n", "test_f10_what"),
    guard(11, "a revert is simulated for its reason", "chain/transactions.py",
          "            if not receipt.ok:\n                receipt =", "            if False:\n                receipt ="),
    guard(11, "what the contracts' short texts mean", "chain/engine.py", '_MEANINGS = {"TFF":', '_MEANINGS = {"":',
          "test_f11_the_engine"),
    guard(12, "gas limits learn", "placements.py",
          "        self._gas.ended(Call.ORDER, tracked.intent.gas_limit, receipt, tracked.submitted)\n",
          ""),
    guard(13, "a cancel counts by its event", "cancels.py",
          "cancelled = {OrderKey(event.pair, event.is_bid, event.id) for event in events if isinstance(event, OrderCanceled)}",
          "cancelled = {key for key, _ in waiting if events or True}", "test_f13_a_cancel"),
    guard(13, "what did nothing waits before it is sent again", "cancels.py", "(pause := before.until",
          "(pause := 0 * before.until", "test_f13_a_cancel_never"),
    guard(13, "a placement counts by its events", "standard_exchange.py", "        if not settled:\n", "        if False:\n",
          "test_f13_a_placement"),
    guard(14, "one approval of a token at a time", "chain/allowances.py",
          "await known.look.done(lambda: self._look(token, known, units))", "await self._look(token, known, units)",
          "test_f14_two"),
    guard(14, "nothing is approved where the user does so by hand", "chain/allowances.py", " and self._approval != MANUAL", "",
          "test_f14_what"),
    guard(14, "allowances are read again after a failure", "placements.py", "            self._allowances.forget()\n", "",
          "test_f14_an_allowance"),
    guard(15, "deposits are rounded to the smallest that suffices", "markets.py",
          "        return -(-steps * price // DENOMINATOR)", "        return steps * price // DENOMINATOR", "test_f15_tokens"),
    guard(15, "amounts are rounded down", "markets.py", "def to_units(self, amount: Decimal, rounding: str = ROUND_FLOOR)",
          'def to_units(self, amount: Decimal, rounding: str = "ROUND_CEILING")', "test_f15_rounding"),
    guard(16, "the price is the one at which it rests", "tracking.py", "order.price = price_from_chain(other.price)", "pass"),
    guard(16, "a price that moved is told, and the bounds are read again", "standard_exchange.py",
          "if self._order_calls.is_moved(market, call, settled):", "if False:"),
    guard(17, "a receipt's own fills are the order's", "orders/settlement.py",
          "or (isinstance(event, OrderMatched) and event.sender == self._account):", "or False:"),
    guard(18, "the rest has what is left of the deposit", "orders/settlement.py", "log.event.placed, max(",
          "deposit, max("),
    guard(19, "gas for as many matches as may come", "orders/sizing.py", "expected = matches if not rests or",
          "expected = 0 if not rests or"),
    guard(20, "what the simulation names is not sent again", "placements.py",
          "            if isinstance(answer, OrderRejectedError):\n", "            if False:\n"),
    guard(21, "what is gone is not cancelled again", "cancels.py",
          "return [entry for entry, deposit in zip(left, held) if deposit > 0]", "return left"),
    Guard(22, "fills are told before the cancel", (
        Edit("order_cancels.py", "told = await self._caught_up(block_number)", "told = True"),
        Edit("order_cancels.py", " and key not in account.settlement.resting\n", "\n")),
        "test_f22_a_cancel_and_a_fill_are_in_the_same_block[True]"),
    Guard(23, "a cancel that found nothing is none", (
        Edit("cancels.py", "future.set_result(CancelResult(False, block_number))",
             "future.set_result(CancelResult(True, block_number))"),
        Edit("order_cancels.py", "        if order.is_filled:\n            return False\n", ""))),
    guard(24, "only another block in its place takes a fill back, but that does", "feeds/polling.py",
          "if block.hash != doubtful[number]}", "if False}", "VANISH"),
    guard(24, "a fill that is there again is not told again", "tracking.py",
          "        if name not in self._taken_back:\n", "        if True:\n", "RETURN"),
    guard(25, "mined transactions are watched", "chain/watch.py",
          "if block.hash != known.block_hash:", "if False:"),
    Guard(26, "a trade counts once", (
        Edit("orders/settlement.py", "        if trade in self._seen_trades:\n            return []\n", ""),
        Edit("orders/settlement.py", "        if trade in self._seen_trades:\n            return False\n", ""))),
    guard(27, "a late fill of an order that ended", "orders/settlement.py",
          "if ended is None or not isinstance(event, OrderMatched) or log.block_number > ended.block_number:", "if True:",
          "test_f27_logs"),
    guard(27, "a deposit's rest is only rounding", "orders/settlement.py",
          "if gone and order.deposit - match.quote_amount <= market.most_dust(match.price):", "if gone:", "test_f27_logs"),
    guard(27, "the newest blocks are read again", "feeds/told_logs.py", "known + 1 - again)", "known)",
          "test_f27_a_log"),
    guard(28, "ranges are halved", "feeds/polling.py", "if not is_log_range(error) or end == begin:", "if True:"),
    guard(28, "the cursor is kept between runs", "feeds/polling.py",
          "await self._take_in(found, begin, end, sink, is_newest=end >= min(head, node_head))", "sink(OrderLogs([], end))"),
    guard(29, "the newest blocks are read again", "feeds/told_logs.py", "known + 1 - again)", "known)"),
    guard(29, "older ones are, now and then", "feeds/polling.py", "is_late = now >= self._late_at", "is_late = False",
          "test_f29_the_node_that_gives"),
    guard(29, "deposits are compared with what the logs tell", "lost_logs.py", "return now - doubt.since >= LASTING_SECONDS",
          "return False", "test_f29_a_log"),
    guard(30, "the chain's trades are awaited from the API", "standard_exchange.py", ", self._freshness.on_chain),", ", None),",
          "test_f30_the_indexer"),
    guard(30, "no order is placed by an old book", "standard_exchange.py",
          "if (age := self.book_ages.get(trading_pair, 0.0)) > STALE_SECONDS:", "if (age := 0.0) > STALE_SECONDS:",
          "test_f30_the_indexer"),
    guard(30, "an old book is no matter of other pairs", "standard_exchange.py", "self._has_begun |= ", "self._has_begun = ",
          "test_f30_the_indexer"),
    guard(30, "what the API told is not awaited", "feeds/freshness.py",
          "for key in [key for key, trade in awaited.items() if trade.block_number <= newest]:", "for key in ():",
          "test_f30_a_quiet"),
    guard(31, "own deposits are the settlement's", "balances.py",
          "locked = Counter(account.locked() if account is not None else {})", "locked: Counter[str] = Counter()"),
    guard(32, "the chain confirms what the indexer shows", "foreign_orders.py",
          "if order.owner == self._account and order.deposit}", "if True}"),
    guard(33, "an API is left alone when it asks for it", "rest/client.py", "        if left > 0:\n", "        if False:\n"),
    guard(33, "requests of one moment are one refusal", "rest/client.py", "if now >= self._resume_at[url]:", "if True:",
          "test_f33_requests"),
    guard(33, "what waits for its turn is not sent", "rest/client.py", ", begin=begin)", ")", "test_f33_a_request"),
    guard(33, "its wish counts", "rest/client.py", "max(pause, min(wish or 0.0, LONGEST_WISH))", "pause",
          "test_f33_the_api_says"),
    guard(33, "pauses are spread", "rest/client.py", "* (0.75 + self._chance.random() / 2)", "* 1.0", "test_f33_another"),
    guard(34, "an API that fails is asked less often", "feeds/polling.py", "quiet, is_answered = QUIET_POLLS_TO_IDLE, False",
          "quiet, is_answered = 0, False", "test_f34_the_api"),
    guard(34, "what trades already needs the node only", "network_check.py",
          "if self._needs_api() and (asked or rest.answers == self._counted[0]):", "if True:", "test_f34_orders"),
    guard(35, "numbers are checked", "rest/models.py",
          "if prices and not (sum(prices) < math.inf and sum(amounts) < math.inf and min(prices) > 0 and min(amounts) >= 0):",
          "if False:", "test_f35_an_answer"),
    guard(35, "rows are checked one by one", "rest/models.py",
          "        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):\n            rejected += 1",
          "        except (KeyError, OverflowError):\n            rejected += 1", "test_f35_a_row"),
    guard(35, "the chain's market price refuses orders", "offers.py",
          "if not chain <= WRONG_FACTOR * told <= WRONG_FACTOR ** 2 * chain:", "if False:", "test_f35_prices"),
    guard(35, "the chain's market price bounds orders", "offers.py",
          "if 2 * DENOMINATOR * abs(told - facts.market_price) <= band * facts.market_price else None", "if True else None",
          "test_f35_wrong"),
    guard(36, "one deadline for the whole answer", "standard_web_utils.py", "async with asyncio.timeout(timeout):",
          "async with asyncio.timeout(None):"),
    guard(37, "a cap on the size of answers", "standard_web_utils.py", "if size > CONSTANTS.MAX_ANSWER_BYTES:", "if False:"),
    Guard(38, "no new block, or none that the chain has, no stream", (
        Edit("feeds/chain_stream.py", "if self._listened - self._head_at > self._bounds.silence:", "if False:"),
        Edit("feeds/chain_stream.py", "if self._expected and self._listened - self._expected[0][1] > self._bounds.behind:",
             "if False:")), "test_f38_a_stream_falls_silent_while_its_socket_stays_open[chain]"),
    Guard(38, "silence, or an unanswered ping, ends a stream", (
        Edit("feeds/websocket.py", "if quiet > self._dialect.max_silence:\n                raise",
             "if False:\n                raise"),
        Edit("feeds/session.py", "if now > deadline:\n                    raise StreamBrokenError(f\"the stream did not",
             "if False:\n                    raise StreamBrokenError(f\"the stream did not")),
          "test_f38_a_stream_falls_silent_while_its_socket_stays_open[stream]"),
    guard(39, "a source that broke is tried again after a growing pause", "feeds/failover.py",
          "self._next_try[rank] = now + pause * (0.5 + self._chance.random() / 2)", "self._next_try[rank] = now"),
    Guard(40, "a gap is noticed, by the next message or by the block", (
        Edit("feeds/session.py", "        if told.previous != last:\n            return None\n", ""),
        Edit("feeds/session.py", "for stream, number in block.sequences.items() if self._last.get(stream, number) != number]",
             "for stream, number in block.sequences.items() if False]"))),
    guard(41, "a lost way is told without the path", "standard_web_utils.py",
          'raise ApiUnavailableError(f"{_server(url)} cannot be reached:',
          'raise ApiUnavailableError(f"{url} cannot be reached:'),
    Guard(41, "a page is no answer", (
        Edit("chain/rpc.py", "    if not isinstance(document, (dict, list)):\n", "    if False:\n"),
        Edit("chain/rpc.py", "    if not isinstance(item, dict):\n        raise", "    if False:\n        raise"))),
    guard(42, "limits are measured by the monotonic clock", "throttling.py",
          "return self._offset + self._clock.monotonic()", "return self._clock.time()", "test_f42_the_wall"),
    guard(43, "what happened meanwhile is read range by range", "feeds/polling.py",
          "            end = min(begin + self._range.blocks - 1, head)\n",
          "            begin, end = max(begin, head - self._range.blocks + 1), head\n"),
    guard(43, "after a sleep no book is of now", "wakefulness.py", "return self._has_slept", "return False", "test_f43_no_order"),
    guard(44, "what is sent is written down first", "chain/transactions.py",
          "await self._ledger.record([entry for _, entry in signed])", "await asyncio.sleep(0)"),
    guard(45, "what the chain holds is taken up", "resumption.py", "        await self._adopt(restored)\n", ""),
    guard(46, "orders of unknown books are left alone", "cancels.py", "if key.book not in self._listing.by_book:", "if False:",
          "test_f46_ids"),
    guard(46, "the tracker waits for no pair that it had", "standard_api_order_book_data_source.py",
          "if trading_pair in self._connector.order_books:", "if False:", "test_f46_a_pair_without"),
    guard(46, "a pair that is not listed any more is not waited for", "standard_exchange.py",
          " if pair not in self._venue.unlisted)", ")", "test_f46_a_pair_without"),
    guard(46, "fees are read again", "trading_rules.py", "told = await self._venue.facts(markets, self._account)",
          "told = self.facts or await self._venue.facts(markets, self._account)", "test_f46_fees"),
    guard(46, "no order by the books of another exchange", "venue.py", "if trading_pair in self.elsewhere:\n            raise",
          "if False:\n            raise", "test_f46_an_api"),
    guard(47, "impossible decimals", "listing.py", "if digits is not None and digits <= MAX_DECIMALS}", "if digits is not None}",
          "test_f47_impossible"),
    guard(47, "a contested symbol gets a part of the address", "listing.py",
          "contested = owner != address if owner is not None else len(claimed[symbol]) > 1", "contested = False",
          "test_f47_a_hostile"),
    guard(47, "only harmless characters", "listing.py", 'if character.isascii() and (character.isalnum() or character in "_$"))',
          "if True)", "test_f47_a_hostile"),
    guard(47, "a balance that cannot be read stays", "balances.py", "else self._units.get(address)", "else told.get(address)",
          "test_f47_a_balance"),
    guard(47, "nothing old of a token that is traded", "balances.py", " or token.symbol in self._left_out:", ":",
          "test_f47_a_balance"),
    Guard(48, "the chain behind the URL", (
        Edit("chain/rpc.py", "        if chain_id != self._chain_id:\n", "        if False:\n"),
        Edit("chain/transactions.py", "        if chain_id != self._chain_id:\n", "        if False:\n")),
          "test_f48_a_wrong_chain"),
    guard(48, "a contract that answers as the engine", "listing.py",
          "    except (AbiError, OrderRejectedError):\n        raise Conf",
          "    except ZeroDivisionError:\n        raise Conf", "test_f48_the_engine"),
    guard(48, "a node that takes transactions", "chain/transactions.py",
          "if isinstance(answers[2], RpcError) and is_method_missing(answers[2]):", "if False:", "test_f48_a_node_that_takes"),
    guard(49, "no order is placed while no block comes", "standard_exchange.py",
          "        await self._venue.refuse_standstill()\n", ""),
)

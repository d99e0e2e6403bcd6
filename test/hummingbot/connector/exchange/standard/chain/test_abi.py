"""The codec against eth_abi as oracle, and against everything that is not an encoding."""
import eth_abi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain.abi import (
    WORD,
    AbiError,
    Array,
    Error,
    Event,
    Function,
    Tuple,
    Type,
    parse_lists,
)
from hummingbot.connector.exchange.standard.chain.engine import (
    BOOK_FUNCTIONS,
    ENGINE_FUNCTIONS_2026_07,
    ERRORS,
    FACTORY_FUNCTIONS,
    ORDER_CANCEL_SKIPPED,
    ORDER_CANCELED,
    ORDER_MATCHED,
    PAIR_ADDED,
)

ADDRESS = "0x28bec7e30e6faee657a03e19bf1128aad7632a00"
FUNCTIONS = (*ENGINE_FUNCTIONS_2026_07.values(), *BOOK_FUNCTIONS.values(), *FACTORY_FUNCTIONS.values(), *ERRORS.values())
EVENTS = (ORDER_MATCHED, ORDER_CANCELED, ORDER_CANCEL_SKIPPED, PAIR_ADDED)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())


def typed(name, values):
    return values.map(lambda value: (name, value))


scalars = st.one_of(
    st.integers(1, 32).flatmap(lambda n: typed(f"uint{8 * n}", st.integers(0, 2 ** (8 * n) - 1))),
    st.integers(1, 32).flatmap(lambda n: typed(f"bytes{n}", st.binary(min_size=n, max_size=n))),
    typed("bool", st.booleans()),
    typed("address", addresses),
    typed("bytes", st.binary(max_size=100)),
    typed("string", texts),
)


def values_of(kind: Type) -> st.SearchStrategy:
    """Values of a type, for the arrays, whose elements share one type."""
    if isinstance(kind, Tuple):
        return st.tuples(*map(values_of, kind.members))
    if isinstance(kind, Array):
        return st.lists(values_of(kind.element), max_size=3)
    name = kind.name
    if name.startswith("uint"):
        return st.integers(0, 2 ** int(name[4:]) - 1)
    if name.startswith("bytes"):
        return st.binary(max_size=70) if name == "bytes" else st.binary(min_size=int(name[5:]), max_size=int(name[5:]))
    return {"bool": st.booleans(), "address": addresses, "string": texts}[name]


def tuples_of(members):
    return st.lists(members, min_size=1, max_size=5).map(
        lambda items: ("(" + ",".join(name for name, _ in items) + ")", tuple(value for _, value in items)))


def arrays_of(elements):
    return elements.flatmap(lambda item: st.lists(values_of(parse(item[0])), max_size=4).map(
        lambda values: (item[0] + "[]", values)))


anything = st.recursive(scalars, lambda inner: tuples_of(inner) | arrays_of(inner), max_leaves=8)


def parse(name: str) -> Type:
    ((parameter,),) = parse_lists(f"({name})")
    return parameter.type


def as_tuples(value):
    return tuple(map(as_tuples, value)) if isinstance(value, (tuple, list)) else value


def encoded(name, value) -> bytes:
    return Tuple([parse(name)]).encode((value,))


@given(anything)
def test_encoding_is_that_of_eth_abi_and_decodes_to_the_same_value(item):
    name, value = item
    data = encoded(name, value)
    assert data == eth_abi.encode([name], [value])
    assert Tuple([parse(name)]).decode(data, 0) == (value,)
    assert Tuple([parse(name)]).decode(data + b"\xff" * 7, 0) == (value,), "trailing bytes are ignored"


@given(anything)
def test_data_cut_by_a_word_or_more_are_refused(item):
    name, value = item
    data = encoded(name, value)
    for length in range(0, len(data) - WORD + 1, 13):
        with pytest.raises(AbiError):
            Tuple([parse(name)]).decode(data[:length], 0)


@pytest.mark.parametrize("name, clean_bits", [("uint8", 8), ("uint16", 16), ("uint32", 32), ("uint64", 64), ("uint128", 128),
                                              ("bool", 1), ("address", 160)])
@pytest.mark.parametrize("behind", [False, True], ids=["alone", "behind a full word"])
def test_every_bit_above_the_type_is_dirt(name, clean_bits, behind):
    kind = Tuple([parse("uint256"), parse(name)]) if behind else Tuple([parse(name)])
    before = b"\xff" * WORD if behind else b""
    for bit in range(256):
        data = before + (1 << bit).to_bytes(WORD, "big")
        if bit < clean_bits:
            kind.decode(data, 0)
        else:
            with pytest.raises(AbiError, match="does not fit its type"):
                kind.decode(data, 0)


@pytest.mark.parametrize("length", [1, 4, 20, 31])
def test_bytes_behind_a_short_fixed_value_are_dirt(length):
    kind = parse(f"bytes{length}")
    for index in range(WORD):
        data = bytes(index) + b"\x80" + bytes(WORD - 1 - index)
        if index < length:
            assert kind.decode(data, 0) == data[:length]
        else:
            with pytest.raises(AbiError):
                kind.decode(data, 0)


def test_dirt_inside_a_nested_static_tuple_is_named_by_its_word():
    kind = parse("(uint256,(uint256,bool),uint256)")
    data = b"".join(value.to_bytes(WORD, "big") for value in (1, 2, 3, 4))
    with pytest.raises(AbiError, match="03 at byte"):
        kind.decode(data, 0)


garbage_words = st.one_of(st.integers(0, 12).map(lambda n: n * WORD), st.integers(0, 40), st.integers(0, 2**256 - 1),
                          st.sampled_from([2**64 - 1, 2**255, 2**256 - 32, 2**256 - 1]))
garbage = st.lists(garbage_words, max_size=30).map(lambda words: b"".join(word.to_bytes(WORD, "big") for word in words)) \
    | st.binary(max_size=400)


@given(garbage)
def test_garbage_behind_any_selector_raises_abi_error_or_is_an_encoding(data):
    for function in FUNCTIONS:
        try:
            arguments = function.decode(function.selector + data)
        except AbiError:
            continue
        assert function.decode(function.encode(*arguments)) == arguments


@given(garbage)
def test_garbage_as_a_result_raises_abi_error_or_is_an_encoding(data):
    for function in FUNCTIONS:
        try:
            results = function.decode_result(data)
        except AbiError:
            continue
        assert function.decode_result(function.encode_result(*results)) == results


@given(garbage, st.lists(st.text("0x123abcdefg ", max_size=70), max_size=2))
def test_garbage_in_a_log_raises_abi_error_or_is_an_encoding(data, topics):
    for event in EVENTS:
        try:
            values = event.decode([event.topic, *topics], data)
        except AbiError:
            continue
        assert event.decode(*event.encode(*values)) == values


@given(anything, st.data())
def test_one_changed_word_raises_abi_error_or_decodes_as_eth_abi_does(item, choice):
    name, value = item
    data = encoded(name, value)
    at = WORD * choice.draw(st.integers(0, len(data) // WORD - 1))
    changed = data[:at] + choice.draw(garbage_words).to_bytes(WORD, "big") + data[at + WORD:]
    try:
        decoded = Tuple([parse(name)]).decode(changed, 0)
    except AbiError:
        return
    try:
        (expected,) = eth_abi.decode([name], changed)
    except (eth_abi.exceptions.DecodingError, UnicodeDecodeError):
        return  # the oracle also wants clean padding and clean text
    assert as_tuples(decoded) == (expected,)


@pytest.mark.parametrize("name", ["uint256[]", "string[]", "bytes", "string", "uint8[][]", "(uint256,bool)[]", "bytes[][]"])
@pytest.mark.parametrize("length", [2**20, 2**64, 2**255, 2**256 - 1])
def test_a_huge_length_is_refused_at_once(name, length):
    data = WORD.to_bytes(WORD, "big") + length.to_bytes(WORD, "big") + bytes(WORD)
    with pytest.raises(AbiError):
        Tuple([parse(name)]).decode(data, 0)


@pytest.mark.parametrize("name", ["()[]", "(())[]"])
def test_an_array_of_nothing_is_no_type(name):
    with pytest.raises(AbiError, match="array of nothing"):
        parse(name)


def test_elements_that_share_their_bytes_are_refused():
    """20,000 strings that all are one and the same 600 kB would unfold to 12 GB."""
    count = 20_000
    same_offset = (count * WORD).to_bytes(WORD, "big")
    long_text = (600_000).to_bytes(WORD, "big") + b"x" * 600_000
    data = WORD.to_bytes(WORD, "big") + count.to_bytes(WORD, "big") + same_offset * count + long_text
    with pytest.raises(AbiError):
        Tuple([parse("string[]")]).decode(data, 0)


def test_elements_out_of_order_are_refused():
    data = bytearray(encoded("string[]", ["one", "two"]))
    data[2 * WORD:3 * WORD], data[3 * WORD:4 * WORD] = data[3 * WORD:4 * WORD], data[2 * WORD:3 * WORD]
    with pytest.raises(AbiError, match="out of order"):
        Tuple([parse("string[]")]).decode(bytes(data), 0)


@pytest.mark.parametrize("name, value", [
    ("uint8", 256), ("uint8", -1), ("uint256", 2**256), ("uint256", True), ("uint256", 1.0), ("uint256", "1"), ("uint256", None),
    ("bool", 1), ("bool", "true"), ("address", ADDRESS[:-1]), ("address", ADDRESS[2:]), ("address", "0x" + " " * 40),
    ("address", "0x" + "12 " * 13 + "1"), ("address", "0x" + "g" * 40), ("address", 5), ("address", None), ("bytes4", b"123"),
    ("bytes4", "1234"), ("bytes", "text"), ("bytes", 5), ("string", b"bytes"), ("string", "\ud800"), ("string", None),
    ("(uint256,bool)", (1,)), ("(uint256,bool)", 5), ("(uint256,bool)", {1: 2, 3: 4}), ("uint256[]", 5), ("uint256[]", "12"),
    ("uint256[]", [1, -1]), ("string[]", [1]),
])
def test_a_value_that_does_not_fit_its_type_is_refused(name, value):
    with pytest.raises(AbiError):
        Tuple([parse(name)]).encode((value,))


def test_an_address_is_taken_in_any_case_and_given_in_lower_case():
    kind = parse("address")
    assert kind.decode(kind.encode("0x28BEc7E30E6faee657a03e19Bf1128AaD7632A00"), 0) == ADDRESS


def test_text_that_is_not_utf_8_is_replaced():
    data = WORD.to_bytes(WORD, "big") + (3).to_bytes(WORD, "big") + b"a\xffb".ljust(WORD, b"\0")
    assert Tuple([parse("string")]).decode(data, 0) == ("a\ufffdb",)


@pytest.mark.parametrize("declaration", ["f(", "f(uint256", "f(uint256 a", "f(uint256 a)(", "f(uint257)", "f(uint0)", "f(uint)",
                                         "f(bytes33)", "f(bytes0)", "f(int256)", "f(uint256[3] a)", "f(uint256 a;)", "f())",
                                         "f((uint256 a)", "f(uint256)bool"])
def test_a_malformed_declaration_is_refused(declaration):
    with pytest.raises(AbiError):
        Function(declaration)


def test_a_declaration_is_read_with_names_nested_tuples_and_results():
    function = Function("f(address who, (uint256 a,(bool b,bytes c)[] d)[] items, string)(uint256 sum, bool)")
    assert function.signature == "f(address,(uint256,(bool,bytes)[])[],string)"
    assert [parameter.name for parameter in function.inputs] == ["who", "items", ""]
    assert [parameter.name for parameter in function.outputs] == ["sum", ""]
    assert repr(function) == f"<Function {function.signature}>"


def test_a_function_without_arguments_or_results():
    function = Function("lmp()")
    assert function.encode() == function.selector
    assert function.decode(function.selector) == ()
    assert function.decode_result(b"") == ()


def test_an_error_is_shown_by_its_signature():
    assert repr(Error("TooLow(uint256 price)")) == "<Error TooLow(uint256)>"


def test_the_wrong_selector_and_the_wrong_number_of_arguments_are_refused():
    function = Function("f(uint256 a)(uint256)")
    for calldata in (b"", b"\0\0\0", bytes(36)):
        with pytest.raises(AbiError, match="not the selector"):
            function.decode(calldata)
    with pytest.raises(AbiError):
        function.encode()
    with pytest.raises(AbiError):
        function.encode(1, 2)
    with pytest.raises(AbiError):
        function.decode_result(b"")


TRANSFER = Event("Transfer(address indexed from,address indexed to,uint256 value)")


def test_indexed_values_are_topics_in_the_order_of_the_declaration():
    mixed = Event("Mixed(uint256 a,address indexed b,bool c,uint8 indexed d)")
    topics, data = mixed.encode(1, ADDRESS, True, 7)
    assert topics == (mixed.topic, "0x" + "0" * 24 + ADDRESS[2:], "0x" + "0" * 63 + "7")
    assert data == (1).to_bytes(WORD, "big") + (1).to_bytes(WORD, "big")
    assert mixed.decode(topics, data) == (1, ADDRESS, True, 7)
    assert repr(mixed) == "<Event Mixed(uint256,address,bool,uint8)>"


@pytest.mark.parametrize("topics", [
    [], [TRANSFER.topic], [TRANSFER.topic, "0x" + "0" * 64], ["0x" + "0" * 64] * 3,
    [TRANSFER.topic, "0x" + "0" * 64, "0x" + "0" * 62], [TRANSFER.topic, "0x" + "0" * 64, "0x" + "0" * 66],
    [TRANSFER.topic, "0x" + "0" * 64, "0x" + "z" * 64], [TRANSFER.topic, "0x" + "0" * 64, "0x" + "f" * 64],
    [TRANSFER.topic, "0x" + "0" * 64, "00" + "0" * 64],
])
def test_foreign_or_malformed_topics_are_refused(topics):
    with pytest.raises(AbiError):
        TRANSFER.decode(topics, bytes(WORD))


def test_values_stand_flat_where_all_of_them_are_static_data():
    nested = Event("Nested(uint8 a,(bool b,(uint256 c,address d) e) f,bytes4 g)")
    topics, data = nested.encode(1, (True, (2 ** 200, ADDRESS)), b"abcd")
    assert list(nested.values(topics, data)) == [1, True, 2 ** 200, ADDRESS, b"abcd"]
    topics, data = TRANSFER.encode(ADDRESS, ADDRESS, 5)
    assert TRANSFER.values(topics, data) == TRANSFER.decode(topics, data)


@pytest.mark.parametrize("topics", [[], ["0x" + "0" * 64], [Event("Flat(uint8 a)").topic, "0x" + "0" * 64]])
def test_flat_values_belong_to_their_topic(topics):
    with pytest.raises(AbiError, match="topics"):
        Event("Flat(uint8 a)").values(topics, bytes(WORD))


@pytest.mark.parametrize("values", [(), (ADDRESS, ADDRESS), (ADDRESS, ADDRESS, 1, 2)])
def test_an_event_needs_exactly_its_values(values):
    with pytest.raises(AbiError):
        TRANSFER.encode(*values)


def test_an_event_with_an_indexed_dynamic_value_is_refused():
    with pytest.raises(AbiError, match="hash"):
        Event("Named(string indexed name)")

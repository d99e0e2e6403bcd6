"""ERC-20 tokens and the wrapped native token as tables of calls and events (docs/protocol.md, "Tokens")."""
from types import MappingProxyType

from hummingbot.connector.exchange.standard.chain.abi import Event, Function

ERC20_FUNCTIONS = MappingProxyType({function.name: function for function in map(Function, (
    "approve(address spender,uint256 amount)(bool)",
    "allowance(address owner,address spender)(uint256)",
    "transfer(address to,uint256 amount)(bool)",
    "transferFrom(address from,address to,uint256 amount)(bool)",
    "balanceOf(address account)(uint256)",
    "totalSupply()(uint256)",
    "decimals()(uint8)",
    "symbol()(string)",
    "name()(string)",
))})
WETH_FUNCTIONS = MappingProxyType({**ERC20_FUNCTIONS, **{function.name: function for function in map(Function, (
    "deposit()",
    "withdraw(uint256 amount)",
))}})

TRANSFER = Event("Transfer(address indexed from,address indexed to,uint256 value)")
APPROVAL = Event("Approval(address indexed owner,address indexed spender,uint256 value)")
DEPOSIT = Event("Deposit(address indexed account,uint256 amount)")
WITHDRAWAL = Event("Withdrawal(address indexed account,uint256 amount)")

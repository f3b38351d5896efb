"""Names and words that mean nothing to a label."""

# fmt: off
_NOUNS = """
address agenda album alias amount anchor answer archive area article aspect atlas author badge balance banner basket
batch beacon bench bill block board bonus booking border bottle bracket branch bridge brief bucket budget bundle
button cabin cable calendar camera canal candle canvas capital card career cargo carpet cartoon cell centre chapter
charge chart chest choice circle city claim clause climate clinic coach coast coin column comment compass concert
contact contract corner corridor cost council counter country course court cover credit crew crop culture current
curve cycle dealer debate debit decade degree delivery demand deposit depth desk detail device diary diet digit dinner
dish district doctor dossier draft drawer dress driver duty editor effect effort entry episode errand essay estate
evening event exam excerpt exhibit extent factor factory farm fashion fence field figure finish firm flag flavour
fleet flight floor folder forest form fortune frame freight fund gallery garden gate gift glass goal grade grain grant
graph group guest guide habit hall harbour height hill hint holder holiday horizon hotel hour idea image impact income
inlet inquiry insight inventory invoice island item itinerary jacket journal journey jury kitchen label ladder lake
lane layer league lease lecture ledger legend length lesson letter level library licence line loan lobby lock lunch
manual margin market master matter meadow meal measure member memo menu merchant message meter mill minute mirror
mission mixture model moment month motion motor mountain museum neighbour network nickname note notice novel number
occasion ocean offer office option orbit order origin outcome outlet owner package packet page painting panel paper
parcel parent parish park part partner party passage pattern payment pension period permit phase phrase picture piece
pilot pipe place plan planet plant plate player plaza pocket point policy port position poster prefix premium price
prize process product profile profit project prospect protocol province quantity quarter question queue quota rank
rate ratio reader reason receipt recipe record region relation remark rental repair reply report reserve resort result
review reward rhythm ring river road robot role roof room route rule sample scale scene schedule scheme school scope
score screen season seat section sector segment seller series shape share sheet shelf shift ship shop signal size
sketch slot song source space speaker species speech spring staff stage stamp standard state station statue step stock
store storm story street student studio study style subject subtitle suffix summary summit supply survey symbol table
target task teacher team temple tenant term theatre theme theory ticket title tone tool topic total tour tower town
trade trailer train trait transfer transit travel treaty trend trial tribe trip truck tune turn unit update valley
value variant vendor venue verse vessel victory village visit visitor voice volume voucher wagon wall warden wave way
week weight wheel window winner winter witness word work worker workshop yard year zone
"""
_VERBS = """
adapt apply arrange assemble build carry choose collect combine compute convert create decide deliver derive describe
draw extract fetch fill find finish follow gather give handle hold import inspect keep label lay lead list load look
make measure merge mirror move note offer open pack pass pick place plan prepare present process produce publish pull
push put read receive refer render report request resolve return run select send serve set shape show sort start
store supply take tell trace transfer turn update use visit walk work write
"""
NOUNS, VERBS = tuple(_NOUNS.split()), tuple(_VERBS.split())
TAILS = ("", "", "", "", "", "", "_id", "_name", "_text", "_value", "s", "2", "_a", "_b", "_new", "_in", "_out", "_1")
PHRASES = (
    "draft", "monthly", "north", "blue", "main", "basic", "first", "plain", "open", "left", "home", "index", "guest",
    "empty", "small", "week", "red", "standard", "public", "other", "green", "later", "none", "daily", "south", "early",
    "large", "summer", "silver", "final", "local", "short", "regular", "spare", "yellow", "central", "inner", "quiet",
)
# fmt: on
